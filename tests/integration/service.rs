//! linkhook as a service: what it tells a service manager and the journal, and the files by which it is one.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};

use crate::namespace::{Namespace, PATIENCE, PROGRAM};
use crate::tools::ToolTest;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("the_packages_files_are_there", assets),
    ("the_configurations_that_are_shipped_are_good", configurations),
    ("the_journal_gets_levels", journal),
];

/// Those that need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[("the_service_manager_hears_of_each_step", manager)];

/// Those that take a program.
pub const TOOL_TESTS: &[ToolTest] = &[
    ("systemd-analyze", "systemd_takes_the_units", verify),
    ("systemd-analyze", "the_unit_is_locked_down", security),
    ("logrotate", "logrotate_takes_its_file", logrotate),
];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the unit may be exposed at most, of ten: docs/security.md.
const EXPOSURE_MAX: f64 = 1.5;

/// A service manager that linkhook tells what it does.
struct Listener {
    socket: UnixDatagram,
    child: Child,
}

impl Listener {
    /// The next datagram for which `wanted` holds.
    fn expect(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let mut octets = [0; 4096];
        while began.elapsed() < PATIENCE {
            let Ok(length) = self.socket.recv(&mut octets) else { continue };
            let told = String::from_utf8_lossy(&octets[..length]).into_owned();
            if wanted(&told) {
                return told;
            }
        }
        panic!("{what}: nothing of the kind was told");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn manager() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (path, configuration) = (directory.path().join("notify"), directory.path().join("l.toml"));
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    std::fs::write(&configuration, "[watch]\nkinds = [\"link\"]\n[output]\npath = \"out\"\n")?;
    let namespace = Namespace::new();
    let mut command = namespace.command(PROGRAM);
    command.arg("--config").arg(&configuration).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut listener = Listener { socket, child };
    let first = listener.expect("ready", |_| true);
    assert!(first.starts_with("READY=1\nSTATUS=watching 1 network namespace; "), "{first}");
    // From now on a change is not missed.
    namespace.run("ip link add t0 type veth");
    let alive = listener.expect("a sign of life", |told| told.starts_with("WATCHDOG=1\nSTATUS="));
    assert!(alive.contains("told"), "{alive}");
    let began = Instant::now();
    (0..4).for_each(|_| drop(listener.expect("a sign of life", |told| told.starts_with("WATCHDOG=1"))));
    let took = began.elapsed();
    assert!(took > Duration::from_millis(400) && took < Duration::from_secs(8), "four signs in {took:?}");
    listener.send(Signal::HUP);
    listener.expect("reloading", |told| told.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    listener.expect("ready again", |told| told.starts_with("READY=1\nSTATUS="));
    // What is refused is over, too.
    std::fs::write(&configuration, "[watch]\nkinds = [\"lnik\"]\n")?;
    listener.send(Signal::HUP);
    listener.expect("reloading", |told| told.starts_with("RELOADING=1\n"));
    listener.expect("ready again", |told| told.starts_with("READY=1\n"));
    listener.send(Signal::TERM);
    listener.expect("stopping", |told| told.starts_with("STOPPING=1\n") && told.contains("EXTEND_TIMEOUT_USEC="));
    assert_eq!(listener.child.wait()?.code(), Some(0));
    assert!(std::fs::read_to_string(directory.path().join("out"))?.contains("\"ifname\":\"t0\""));
    Ok(())
}

fn journal() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stderr");
    let configuration = directory.path().join("l.toml");
    std::fs::write(&configuration, "[watch]\nkinds = [\"lnik\"]\nverify = 5\n")?;
    let said = |arguments: &[&str], is_journal: bool| {
        let file = File::create(&path).unwrap();
        let status = file.metadata().unwrap();
        let inode = if is_journal { status.ino() } else { status.ino() + 1 };
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdin(Stdio::null()).stderr(file);
        command.env("JOURNAL_STREAM", format!("{}:{inode}", status.dev())).status().unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let arguments = ["--config", configuration.to_str().unwrap()];
    // Two mistakes, a line each, and each an error for the journal.
    let told = said(&arguments, true);
    assert_eq!(told.lines().filter(|line| line.starts_with("<3>")).count(), 2, "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(said(&["--nothing"], true).lines().all(|line| line.starts_with("<3>")));
    // Inherited by a process whose stderr is something else, it means nothing.
    assert!(!said(&arguments, false).contains('<'));
    Ok(())
}

/// Every file that Cargo.toml puts into the packages, but for what is built.
fn assets() -> Result<(), Failed> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("Cargo.toml"))?;
    // A line each, which begins with where the file is.
    let lists = text.split("\nassets = [\n").skip(1).map(|rest| rest.split("\n]\n").next().unwrap_or_default());
    let sources: Vec<&str> = lists.flat_map(str::lines).filter_map(|line| line.split('"').nth(1)).collect();
    assert!(sources.len() > 25, "{sources:?}");
    for source in sources.iter().filter(|source| !source.starts_with("target/")) {
        let found = match source.split_once('*') {
            None => Path::new(ROOT).join(source).is_file(),
            Some((before, after)) => {
                let (directory, begins) = before.rsplit_once('/').unwrap_or((".", before));
                let names = std::fs::read_dir(Path::new(ROOT).join(directory))?.flatten();
                let mut names = names.map(|entry| entry.file_name().into_string().unwrap());
                names.any(|name| name.starts_with(begins) && name.ends_with(after))
            }
        };
        assert!(found, "{source} is not there");
    }
    Ok(())
}

/// The service's configuration, with its webhook too, and that of the DaemonSet.
fn configurations() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("noc.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    let service = std::fs::read_to_string(Path::new(ROOT).join("packaging/etc/linkhook.toml"))?;
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    let whole = service.lines().map(uncommented).collect::<Vec<_>>().join("\n");
    let daemonset = std::fs::read_to_string(Path::new(ROOT).join("packaging/kubernetes/daemonset.yaml"))?;
    let (_, block) = daemonset.split_once("  linkhook.toml: |\n").ok_or("no configuration")?;
    let block = block.lines().map_while(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n");
    assert!(whole.contains("\n[[webhook]]\n") && block.contains("[watch]"));
    for text in [service, whole, block] {
        let path = directory.path().join("linkhook.toml");
        std::fs::write(&path, &text)?;
        let mut command = Command::new(PROGRAM);
        let output = command.arg("check").arg(path).env("CREDENTIALS_DIRECTORY", directory.path()).output()?;
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A unit in a directory of its own, which starts the program that is tested.
fn unit(name: &str, drop_in: Option<&str>) -> std::io::Result<(tempfile::TempDir, std::path::PathBuf)> {
    let directory = tempfile::tempdir()?;
    let text = std::fs::read_to_string(Path::new(ROOT).join("packaging/systemd").join(name))?;
    let path = directory.path().join("linkhook.service");
    // The pages are not installed here.
    let text = text.replace("/usr/bin/linkhook", PROGRAM).replace("Documentation=", "#Documentation=");
    std::fs::write(&path, text)?;
    if let Some(drop_in) = drop_in {
        let place = directory.path().join("linkhook.service.d");
        std::fs::create_dir(&place)?;
        std::fs::copy(Path::new(ROOT).join("packaging/systemd/drop-ins").join(drop_in), place.join(drop_in))?;
    }
    Ok((directory, path))
}

fn drop_ins() -> Vec<String> {
    let names = std::fs::read_dir(Path::new(ROOT).join("packaging/systemd/drop-ins")).unwrap().flatten();
    names.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn verify() -> Result<(), Failed> {
    let drop_ins = drop_ins();
    let with = drop_ins.iter().map(|name| ("linkhook.service", Some(name.as_str()), "--system"));
    let all = [("linkhook.service", None, "--system"), ("user/linkhook.service", None, "--user")];
    for (name, drop_in, manager) in with.chain(all) {
        let (directory, path) = unit(name, drop_in)?;
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no", manager]).arg(&path).env("SYSTEMD_UNIT_PATH", unit_path(directory.path()));
        let output = command.env("XDG_RUNTIME_DIR", directory.path()).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        let told: Vec<&str> = told.lines().filter(|line| line.contains("linkhook")).collect();
        assert!(told.is_empty(), "{name} {drop_in:?}: {told:?}");
    }
    Ok(())
}

/// The directory before all others: that of a user who has none is not asked for.
fn unit_path(directory: &Path) -> String {
    format!("{}:", directory.display())
}

fn security() -> Result<(), Failed> {
    let exposure = |drop_in| -> Result<f64, Failed> {
        let (directory, path) = unit("linkhook.service", drop_in)?;
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager"]).arg(path);
        let output = command.env("SYSTEMD_UNIT_PATH", unit_path(directory.path())).output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, level) = told
            .rsplit_once("Overall exposure level for linkhook.service: ")
            .ok_or_else(|| format!("no exposure level: {told}{}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(level.split(' ').next().unwrap_or_default().parse()?)
    };
    let locked = exposure(None)?;
    assert!(locked < EXPOSURE_MAX, "the unit's exposure level is {locked}");
    // It would say if drop-ins were not read.
    assert!(exposure(Some("actor.conf"))? > locked);
    Ok(())
}

fn logrotate() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (settings, state) = (directory.path().join("linkhook"), directory.path().join("state"));
    // It takes no file in which others may write.
    std::fs::write(&settings, std::fs::read_to_string(Path::new(ROOT).join("packaging/logrotate/linkhook"))?)?;
    let output = Command::new("logrotate").arg("--debug").arg("--state").arg(state).arg(settings).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("error:"), "{told}");
    Ok(())
}

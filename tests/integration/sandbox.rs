//! The sandbox: what a confined linkhook can and cannot do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[("what_is_not_needed_is_refused", probe)];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] =
    &[("a_service_works_in_it_and_has_given_up_the_rest", service), ("a_reload_that_needs_more_is_refused", reload)];

/// Whether this kernel has Landlock: the list of security modules that are on, where it can be read.
fn has_landlock() -> bool {
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    modules.is_empty() || modules.contains("landlock")
}

/// A folder with `state`, `log`, `secrets` and `elsewhere`, and a configuration with what is given behind it.
fn folder(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["log", "secrets", "elsewhere"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let path = folder.path().display();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    for secret in ["secrets/one", "elsewhere/two"] {
        std::fs::write(folder.path().join(secret), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let owner_alone = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(folder.path().join(secret), owner_alone).unwrap();
    }
    let text = format!(
        "[watch]\nkinds = [\"link\", \"hello\"]\nstate_dir = \"{path}/state\"\n[output]\npath = \"{path}/log/events.jsonl\"\n\
         [log]\nlevel = \"info\"\n[security]\nsandbox = true\n{more}"
    );
    std::fs::write(folder.path().join("config/linkhook.toml"), text).unwrap();
    folder
}

fn webhook(folder: &Path, name: &str, secret: &str) -> String {
    let secret = folder.join(secret);
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:9/\"\nsecret = {{ file = \"{}\" }}\n",
        secret.display()
    )
}

fn append(folder: &TempDir, more: &str) {
    let path = folder.path().join("config/linkhook.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text + more).unwrap();
}

fn check(folder: &TempDir) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("check").arg(folder.path().join("config/linkhook.toml")).arg("--sandbox");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), told)
}

fn probe() -> Result<(), Failed> {
    if !has_landlock() {
        return Err("this kernel has no Landlock: the sandbox cannot be tried".into());
    }
    let folder = folder("");
    append(&folder, &webhook(folder.path(), "one", "secrets/one"));
    append(&folder, "filter = '.link'\n");
    let (status, told) = check(&folder);
    assert_eq!(status, Some(0), "{told}");
    let path = folder.path().display();
    for line in [
        &format!("write into {path}/state: allowed"),
        &format!("write into {path}/log: allowed"),
        &format!("read {path}/secrets: allowed"),
        "list /var: refused",
        "list /tmp: refused",
        "list /proc/1: refused",
        "write into /etc: refused",
        "run another program: refused",
        "open a socket: netlink: allowed",
        "open a socket: packet: refused",
        "enter a network namespace: refused",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    assert!(!told.contains("WRONG"), "{told}");
    Ok(())
}

/// A line of each thread's status, by its name.
fn statuses(process: u32, key: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let status = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let value = |status: String| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim).map(str::to_owned));
        line.unwrap_or_default()
    };
    tasks.map(|task| value(status(task.unwrap()))).collect()
}

fn start(namespace: &Namespace, folder: &TempDir) -> Linkhook {
    let mut command = namespace.command("sh");
    let script = format!("exec {PROGRAM} --config config/linkhook.toml 2>stderr");
    command.current_dir(folder.path()).args(["-c", &script]).stdout(Stdio::null());
    Linkhook::start(command)
}

/// Waits until a file has that text.
fn until_has(path: &Path, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        if found.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{} has no {text}: {found}", path.display());
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn service() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let folder = folder("");
    append(&folder, &webhook(folder.path(), "one", "secrets/one"));
    append(&folder, "filter = '.link'\n");
    let linkhook = start(&namespace, &folder);
    let events = folder.path().join("log/events.jsonl");
    until_has(&events, r#""event":"hello""#);
    namespace.run("ip link add v0 type veth peer name v1");
    until_has(&events, r#""ifname":"v0""#);
    let process = linkhook.process();
    assert!(statuses(process, "Seccomp").iter().all(|mode| mode == "2"), "{:?}", statuses(process, "Seccomp"));
    assert!(statuses(process, "NoNewPrivs").iter().all(|set| set == "1"));
    // CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH are 1 and 2.
    let capabilities = statuses(process, "CapPrm");
    let more = |mask: &String| u64::from_str_radix(mask, 16).unwrap() & !0b110 != 0;
    assert!(capabilities.len() > 2 && !capabilities.iter().any(more), "{capabilities:?}");
    // A file is opened anew, and the database is written, in it.
    std::fs::rename(&events, folder.path().join("log/events.jsonl.1"))?;
    linkhook.signal(rustix::process::Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    while !events.exists() {
        assert!(Instant::now() < deadline, "the file was not opened anew");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    namespace.run("ip link add v2 type veth peer name v3");
    until_has(&events, r#""ifname":"v2""#);
    let (status, _) = linkhook.stop();
    assert!(status.success());
    Ok(())
}

fn reload() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let folder = folder("");
    append(&folder, &webhook(folder.path(), "one", "secrets/one"));
    let linkhook = start(&namespace, &folder);
    until_has(&folder.path().join("log/events.jsonl"), r#""event":"hello""#);
    let stderr = folder.path().join("stderr");
    append(&folder, &webhook(folder.path(), "two", "elsewhere/two"));
    linkhook.signal(rustix::process::Signal::HUP);
    until_has(&stderr, "elsewhere/two");
    until_has(&stderr, "restart linkhook to open it for more");
    until_has(&stderr, "the old one stays");
    let path = folder.path().join("config/linkhook.toml");
    let text = std::fs::read_to_string(&path)?.replace("elsewhere/two", "secrets/one");
    let socket = folder.path().join("elsewhere/http");
    std::fs::write(&path, format!("[http]\nlisten = \"unix:{}\"\n{text}", socket.display()))?;
    linkhook.signal(rustix::process::Signal::HUP);
    until_has(&stderr, "elsewhere is not open to it: the sandbox was opened");
    std::fs::write(&path, &text)?;
    linkhook.signal(rustix::process::Signal::HUP);
    until_has(&stderr, "2 webhooks");
    // An expression needs nothing more: linkhook may run itself.
    std::fs::write(&path, text.replace("name = \"two\"", "name = \"three\"") + "filter = '.link'\n")?;
    linkhook.signal(rustix::process::Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    while std::fs::read_to_string(&stderr)?.matches("2 webhooks").count() < 2 {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(&stderr)?);
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

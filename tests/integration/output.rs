//! An output file: a full disk, a new file after SIGHUP as logrotate wants it, rotation by size.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::Value;

use crate::deliver::{Configuration, webhook};
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("a_full_disk_ends_nothing_and_is_told_exactly", full_disk),
    ("hangup_opens_the_file_anew", hangup),
    ("a_file_that_cannot_be_opened_anew_is_said_once", hangup_in_vain),
    ("verdicts_go_out_before_the_slow_ones", verdicts),
    ("hangup_is_heard_on_a_steady_flow", hangup_on_a_flow),
    ("a_file_is_rotated_by_size_without_a_gap", rotated),
];

/// Those that need logrotate, too.
pub const LOGROTATE_TESTS: &[crate::Test] = &[("logrotate_creates_and_copies_without_a_torn_line", logrotated)];

/// Why there is no logrotate, if so.
pub fn obstacle() -> Option<String> {
    let found = Command::new("logrotate").arg("--version").output().is_ok();
    (!found).then(|| "there is no logrotate; scripts/setup installs it".into())
}

/// Starts it; waits until it watches.
fn run(namespace: &Namespace, arguments: &[&str], output: &Path) -> Linkhook {
    let linkhook = namespace.linkhook(arguments);
    until("hello", || lines(&read(output)).iter().any(|line| line["event"] == "hello"));
    linkhook
}

fn configuration(output: &Path, more: &str) -> Configuration {
    Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\", \"route\"]\n[output]\npath = \"{}\"\n{more}",
        output.display()
    ))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Every line must be whole.
fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line: {text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))).collect()
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn change(namespace: &Namespace, numbers: std::ops::Range<u32>) {
    namespace.batch(&numbers.map(|number| format!("link set lo mtu {}\n", 30_000 + number)).collect::<String>());
}

fn full_disk() -> Result<(), Failed> {
    const OUTPUT: &str = "/run/small/out";
    // More lines than the disk and the queue together hold: a route's has about 370 bytes.
    const ROUTES: usize = 20_000;
    let namespace = Namespace::with_names();
    namespace.run("mkdir /run/small; mount -t tmpfs -o size=16m none /run/small");
    // All but 64 KiB.
    namespace.run("head -c $((16777216 - 65536)) /dev/zero >/run/small/other");
    let configuration = configuration(Path::new(OUTPUT), "");
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    let text = || {
        let output = namespace.command("cat").arg(OUTPUT).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    until("hello", || text().contains("\"hello\""));
    let batch = |from: usize, to: usize| {
        let line = |n: usize| format!("route add 10.{}.{}.{}/32 dev lo table 77\n", n >> 16, n >> 8 & 255, n & 255);
        namespace.batch(&(from..to).map(line).collect::<String>());
    };
    // Not faster than it reads.
    (0..ROUTES).step_by(500).for_each(|from| batch(from, from + 500));
    until("a full disk", || text().len() > 50_000);
    assert!(!linkhook.has_ended(), "it ended");
    // No part of a line is left while it is full.
    lines(&text());
    std::thread::sleep(Duration::from_millis(300));
    namespace.run("rm /run/small/other");
    until("it goes on", || text().contains("\"recovered\""));
    batch(ROUTES, ROUTES + 1);
    until("the last one", || {
        let (start, text) = (format!("10.0.{}.{}", ROUTES >> 8, ROUTES & 255), text());
        text.contains(&start)
    });
    let told = lines(&text());
    let dropped: Vec<&Value> = told.iter().filter(|line| line["action"] == "dropped").collect();
    let numbers = numbers(&told);
    assert!(numbers.is_sorted_by(|one, other| one < other), "out of order");
    let missing = numbers.last().unwrap() - numbers.len() as u64;
    let [dropped] = dropped[..] else { panic!("{dropped:?}") };
    assert_eq!(dropped["event"], "output");
    let expected = serde_json::json!({"path": OUTPUT, "lines": missing, "reason": dropped["output"]["reason"]});
    assert_eq!(dropped["output"], expected);
    assert!(dropped["output"]["reason"].as_str().unwrap().contains("space") && missing > 0, "{dropped}");
    Ok(())
}

fn hangup() -> Result<(), Failed> {
    for configured in [true, false] {
        let directory = tempfile::tempdir()?;
        let (path, aside) = (directory.path().join("out"), directory.path().join("aside"));
        let namespace = Namespace::new();
        let configuration = configuration(&path, "");
        let name = path.to_str().unwrap();
        let by_name = ["--output", name, "hello", "link"];
        let arguments = if configured { &["--config", configuration.path()][..] } else { &by_name };
        let mut linkhook = run(&namespace, arguments, &path);
        std::fs::rename(&path, &aside)?;
        change(&namespace, 0..1);
        until("a line in the old file", || lines(&read(&aside)).len() == 2);
        linkhook.signal(Signal::HUP);
        until("a new file", || path.exists());
        change(&namespace, 1..2);
        until("a line in the new file", || lines(&read(&path)).len() == 1);
        assert!(!linkhook.has_ended());
        assert_eq!(numbers(&lines(&(read(&aside) + &read(&path)))), [1, 2, 3], "configured: {configured}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path)?.permissions()) & 0o777;
        assert_eq!(mode & !0o640, 0, "{mode:o}");
    }
    Ok(())
}

/// It and what it says on stderr; it is killed at the end.
struct Heard(Child, PathBuf);

impl Heard {
    fn start(namespace: &Namespace, arguments: &[&str], words: PathBuf) -> Heard {
        let mut command = namespace.command(PROGRAM);
        command.args(arguments).stdout(Stdio::null()).stderr(std::fs::File::create(&words).unwrap());
        Heard(command.spawn().unwrap(), words)
    }

    fn words(&self) -> String {
        read(&self.1)
    }

    fn hang_up(&self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), Signal::HUP).unwrap();
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hangup_in_vain() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("out");
    // A full disk, whose name then leads to nothing that can be opened.
    std::os::unix::fs::symlink("/dev/full", &path)?;
    let namespace = Namespace::new();
    let arguments = ["--output", path.to_str().unwrap(), "hello", "link"];
    let linkhook = Heard::start(&namespace, &arguments, directory.path().join("words"));
    until("a full disk", || linkhook.words().contains("cannot write"));
    std::fs::remove_file(&path)?;
    std::fs::create_dir(&path)?;
    linkhook.hang_up();
    until("it cannot be opened", || linkhook.words().contains("anew"));
    // It is tried again meanwhile.
    std::thread::sleep(Duration::from_millis(2500));
    let words = linkhook.words();
    assert!(words.lines().count() < 6, "{} lines: {:.1000}", words.lines().count(), words);
    std::fs::remove_dir(&path)?;
    until("it goes on", || read(&path).contains("\"recovered\""));
    assert_eq!(numbers(&lines(&read(&path))), [1, 2]);
    Ok(())
}

fn verdicts() -> Result<(), Failed> {
    const SLOW: std::ops::Range<u32> = 40..45;
    let namespace = Namespace::new();
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"bye\", \"link\"]\nfilter = 'def f: f; if .link.mtu == 30001 or .link.mtu >= {} then f else true end'\n",
        30_000 + SLOW.start
    ));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    // While the first one is judged, the others gather.
    change(&namespace, 1..2);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    change(&namespace, 2..SLOW.end);
    // Each of the slow ones takes two seconds.
    linkhook.expect("one of many", |line| line["link"]["mtu"] == 30_017);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    linkhook.expect("the last that is judged", |line| line["link"]["mtu"] == 30_039);
    let (status, lines) = linkhook.stop();
    assert_eq!(status.code(), Some(0));
    let told: Vec<u64> = lines.iter().filter_map(|line| line["link"]["mtu"].as_u64()).collect();
    assert_eq!(told, (30_002..30_040).collect::<Vec<u64>>());
    let dropped = lines.iter().filter_map(|line| line["output"]["events"].as_u64()).sum::<u64>();
    assert_eq!(dropped, 1 + u64::from(SLOW.end - SLOW.start));
    let told = numbers(&lines);
    assert_eq!(told, (1..=told.len() as u64).collect::<Vec<_>>());
    Ok(())
}

fn hangup_on_a_flow() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let namespace = Namespace::new();
    // Each takes some milliseconds, and on some it fails.
    let filter = "if .link.mtu % 5 == 0 then error else ([range(20000)] | length) > 0 end";
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\nfilter = '{filter}'\n{}",
        webhook("noc", 9, "")
    ));
    let arguments = ["-v", "--config", configuration.path()];
    let linkhook = Heard::start(&namespace, &arguments, directory.path().join("words"));
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                change(&namespace, 0..100);
            }
        });
        until("some are not judged", || linkhook.words().matches("are left out").count() > 1);
        linkhook.hang_up();
        let began = Instant::now();
        while !linkhook.words().contains("was read again") && began.elapsed() < PATIENCE {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(linkhook.words().contains("was read again"), "{:.2000}", linkhook.words());
    Ok(())
}

fn rotated() -> Result<(), Failed> {
    for compress in ["none", "gzip"] {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("out");
        let namespace = Namespace::new();
        let rotate = format!("rotate = {{ size = \"20KiB\", keep = 50, compress = \"{compress}\" }}\n");
        let configuration = configuration(&path, &rotate);
        let mut linkhook = run(&namespace, &["--config", configuration.path()], &path);
        let count = 100;
        for number in 0..count {
            change(&namespace, number..number + 1);
        }
        let all = || {
            let (mut all, mut last) = (BTreeSet::new(), false);
            for entry in std::fs::read_dir(directory.path()).unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                // One that is being compressed has another name by now.
                let Ok(mut file) = std::fs::File::open(entry.path()) else { continue };
                let mut text = String::new();
                let read = match name.rsplit('.').next() {
                    Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text),
                    Some("part") => Ok(0),
                    _ => file.read_to_string(&mut text),
                };
                // While an old one is compressed, the file may grow.
                let fits = text.len() <= 20 << 10 || compress == "gzip";
                assert!(read.is_ok() && fits, "{name}: {read:?}, {} bytes", text.len());
                last |= text.contains(&format!("\"new\":{}", 30_000 + count - 1));
                all.extend(numbers(&lines(&text)));
            }
            (all, last)
        };
        // What is just renamed may be seen twice or not at all: the next time it is there.
        until("the last one, and no number left out", || {
            let (all, last) = all();
            last && all == (1..=all.len() as u64).collect()
        });
        let old = |end: &str| PathBuf::from(format!("{}.{end}", path.display()));
        if compress == "gzip" {
            until("all is compressed", || old("1.gz").exists() && !old("1").exists());
        } else {
            assert!(old("3").exists());
        }
        assert!(!linkhook.has_ended());
    }
    Ok(())
}

fn logrotated() -> Result<(), Failed> {
    for how in ["create", "copytruncate"] {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("out");
        let namespace = Namespace::new();
        let configuration = configuration(&path, "");
        let mut linkhook = run(&namespace, &["--config", configuration.path()], &path);
        let (settings, state) = (directory.path().join("settings"), directory.path().join("state"));
        let hangup = format!("postrotate\nkill -HUP {}\nendscript", linkhook.process());
        let hangup = if how == "create" { hangup } else { String::new() };
        std::fs::write(&settings, format!("{} {{\nrotate 9\n{how}\n{hangup}\n}}\n", path.display()))?;
        let has = |number: u32| read(&path).contains(&format!("\"new\":{}", 30_000 + number));
        for round in 0..3 {
            change(&namespace, round * 10..round * 10 + 10);
            until("ten lines", || has(round * 10 + 9));
            lines(&read(&path));
            // What is written while copytruncate copies is lost, as its manual says: nothing is written then.
            let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path)?);
            let output = Command::new("logrotate").args(["-f", "-s"]).arg(&state).arg(&settings).output()?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let again = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path)?);
            assert_eq!(inode == again, how == "copytruncate");
            assert!(read(&path).is_empty());
        }
        change(&namespace, 30..31);
        until("a line in the last file", || has(30));
        let old = (1..=3).rev().map(|number| read(&PathBuf::from(format!("{}.{number}", path.display()))));
        let told = old.collect::<String>() + &read(&path);
        assert!(!told.contains('\0'), "{how}: a hole");
        let numbers = numbers(&lines(&told));
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{how}");
        assert!(!linkhook.has_ended());
    }
    Ok(())
}

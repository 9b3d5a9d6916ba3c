//! Programs that a test takes and that a machine may lack: the test is then listed as ignored, with the reason.

use libtest_mimic::{Failed, Trial};

/// The program that a test takes, the test's name, and what it does.
pub type ToolTest = (&'static str, &'static str, fn() -> Result<(), Failed>);

/// Whether a program is in PATH or where administrators have theirs.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    places.map(|place| place.join(program)).any(|path| path.exists())
}

/// The tests of a room; those that cannot run are ignored, which is said unless tests are only listed.
pub fn trials(room: &str, tests: &[ToolTest], is_listing: bool) -> Vec<Trial> {
    let trial = |&(program, name, run): &ToolTest| {
        let is_missing = !is_listing && !has(program);
        if is_missing {
            eprintln!("the test {room}::{name} is ignored: {program} is not installed");
        }
        Trial::test(format!("{room}::{name}"), run).with_ignored_flag(is_missing)
    };
    tests.iter().map(trial).collect()
}

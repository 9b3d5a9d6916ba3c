//! Which files can be opened: Landlock, `Documentation/userspace-api/landlock.rst` of the kernel.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::{Needs, SYSTEM};

/// The newest rights that are asked for; an older kernel has fewer.
const RIGHTS: ABI = ABI::V6;

/// From here on this thread, and those that it starts, open what is needed and nothing else, run linkhook itself alone (the jq child),
/// and send signals to their own children alone. The error is why not.
pub fn restrict(needs: &Needs) -> Result<(), String> {
    let status = try_restrict(needs).map_err(|error| error.to_string())?;
    match status {
        RulesetStatus::NotEnforced => Err("this kernel has none, or it is switched off".into()),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

fn try_restrict(needs: &Needs) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(RIGHTS) & !AccessFs::Execute;
    // Its own place in /proc, by which it knows its namespace and its program; settings of the kernel.
    let own = ["/proc/self", "/proc/sys", "/dev/urandom"].map(PathBuf::from);
    let system = SYSTEM.iter().map(PathBuf::from).chain(own).chain(needs.read.iter().cloned());
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(system, read))?
        .add_rules(path_beneath_rules(&needs.write, write))?
        // What children have instead of stdin or stdout, and what linkhook writes to where nothing is wanted.
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(own_programs(), AccessFs::Execute | AccessFs::ReadFile))?;
    Ok(ruleset.restrict_self()?.ruleset)
}

/// linkhook's own program, and the loader that it names where it is not linked statically.
fn own_programs() -> Vec<PathBuf> {
    let program = std::fs::read_link("/proc/self/exe").ok();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| line.split_once('/').map(|(_, path)| PathBuf::from(format!("/{path}"))));
    let is_loader = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("ld-") || name.starts_with("ld.so"))
    };
    let mut programs: Vec<PathBuf> = files.filter(is_loader).chain(program).collect();
    programs.dedup();
    programs.retain(|path| Path::new(path).exists());
    programs
}

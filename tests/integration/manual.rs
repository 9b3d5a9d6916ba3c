//! Manual pages and completions, read by those who read them: groff, bash, zsh and fish.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use crate::namespace::PROGRAM;
use crate::tools::ToolTest;

/// The tests of this room, each with the program that it takes.
pub const TESTS: &[ToolTest] = &[
    ("groff", "every_page_is_read_without_a_warning", pages),
    ("bash", "bash_completes", bash),
    ("zsh", "zsh_completes", zsh),
    ("fish", "fish_completes", fish),
];

/// What is typed before Tab, and what that makes of the last word.
const COMPLETED: &[(&str, &str)] = &[
    ("wat", "watch"),
    ("nexthop_b", "nexthop_bucket"),
    ("--signal carrier_l", "carrier_lost"),
    ("list --initi", "list --initi"),
    ("watch --initi", "--initial"),
    ("route,nduser", "route,nduseropt"),
    ("-i l", "lo"),
    ("--severity war", "warning"),
    ("list --format te", "text"),
    ("man linkhook.t", "linkhook.toml"),
    ("completions z", "zsh"),
    ("overr", "overrun"),
];

/// A command for which `linkhook` is the one that is tested.
fn shell(program: &str) -> Command {
    let mut command = Command::new(program);
    let directory = Path::new(PROGRAM).parent().unwrap().display();
    command.env("PATH", format!("{directory}:{}", std::env::var("PATH").unwrap_or_default()));
    command.env("LC_ALL", "C.UTF-8").env("TERM", "dumb");
    command
}

/// The words that are completed here: `lo` where no other interface's name begins so.
fn completed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_alone = names.filter(|name| name.as_encoded_bytes().starts_with(b"l")).count() == 1;
    COMPLETED.iter().copied().filter(move |(_, whole)| is_alone || *whole != "lo")
}

fn pages() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let output = Command::new(PROGRAM).args(["man", "--directory"]).arg(directory.path()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory.path())? {
        let path = entry?.path();
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        // Without bold and underlined letters, which are typed twice.
        let arguments = ["-K", "utf8", "-T", "utf8", "-P", "-cbou", "-man", "-ww"];
        let read = Command::new("groff").args(arguments).arg(&path).output()?;
        let told = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && told.is_empty(), "{}: {told}", path.display());
        let text = String::from_utf8_lossy(&read.stdout);
        assert!(text.contains("NAME") && text.contains("SEE ALSO"), "{}", path.display());
    }
    names.sort();
    for name in ["linkhook.1", "linkhook-watch.1", "linkhook-list.1", "linkhook.toml.5", "linkhook-events.7"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    // One by itself is the same.
    let alone = Command::new(PROGRAM).args(["man", "watch"]).output()?.stdout;
    assert_eq!(alone, std::fs::read(directory.path().join("linkhook-watch.1"))?);
    Ok(())
}

fn expect(shell: &str, typed: &str, whole: &str, found: &[String]) {
    // What cannot be completed stays.
    let nothing = typed.ends_with(whole);
    let right = if nothing { found.is_empty() } else { found == [whole] };
    assert!(right, "{shell}: {typed}: expected {whole}, found {found:?}");
}

fn bash() -> Result<(), Failed> {
    // What readline does at Tab: the words, which of them is completed, and the function that was registered.
    const SCRIPT: &str = r#"
        set -eu
        source <(linkhook completions bash)
        function=$(complete -p linkhook | sed 's/.* -F \([^ ]*\) .*/\1/')
        COMP_WORDS=(linkhook "$@") COMP_CWORD=$# COMP_TYPE=9 COMP_LINE="linkhook $*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
        "$function" linkhook "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
    "#;
    for (typed, whole) in completed() {
        let output = shell("bash").args(["--norc", "-c", SCRIPT, "bash"]).args(typed.split(' ')).output()?;
        assert!(output.status.success(), "{typed}: {}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout)?;
        let found: Vec<String> = found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        expect("bash", typed, whole, &found);
    }
    Ok(())
}

fn fish() -> Result<(), Failed> {
    for (typed, whole) in completed() {
        let script = format!("source (linkhook completions fish | psub); complete -C 'linkhook {typed}'");
        let output = shell("fish").args(["--no-config", "-c", &script]).output()?;
        assert!(output.status.success(), "{typed}: {}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout)?;
        // Behind a tab, what it is.
        let found: Vec<String> = found.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
        expect("fish", typed, whole, &found);
    }
    Ok(())
}

fn zsh() -> Result<(), Failed> {
    // A terminal of its own, in which each line is typed with Tab and Enter; in place of linkhook stands a function that
    // keeps what it was called with, unless it is asked for candidates.
    const SCRIPT: &str = r#"
        zmodload zsh/zpty || exit 1
        zpty shell zsh -f -i
        zpty -w shell "PROMPT= RPROMPT=; unsetopt zle_bracketed_paste; autoload -U compinit && compinit -u -D"
        zpty -w shell "fpath=($1 \$fpath); compinit -u -D"
        zpty -w shell "linkhook() { if [[ -n \$LINKHOOK_COMPLETE ]]; then command linkhook \"\$@\"; else print -r -- \"\$*\" >>$2; print DO''NE; fi }"
        zpty -w shell "print MA''RK"
        zpty -r shell seen '*MARK*' || exit 1
        shift 2
        for typed; do
            zpty -w -n shell "linkhook $typed"$'\t\n'
            zpty -r shell seen '*DONE*' || exit 1
        done
        zpty -d shell
    "#;
    let directory = tempfile::tempdir()?;
    // As a package has it, in a directory of functions that are loaded when they are needed.
    let script = Command::new(PROGRAM).args(["completions", "zsh"]).output()?.stdout;
    std::fs::write(directory.path().join("_linkhook"), script)?;
    let kept = directory.path().join("kept");
    let mut command = shell("timeout");
    command.args(["60", "zsh", "-f", "-c", SCRIPT, "zsh"]).arg(directory.path()).arg(&kept);
    let typed: Vec<&str> = completed().map(|(typed, _)| typed).collect();
    let output = command.args(&typed).output()?;
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    let kept = std::fs::read_to_string(kept)?;
    let lines: Vec<&str> = kept.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), typed.len(), "{kept}");
    for ((typed, whole), line) in completed().zip(lines) {
        assert!(line.ends_with(whole) && line.len() >= typed.len(), "{typed}: expected {whole}, found {line}");
    }
    Ok(())
}

//! `linkhook man`: the manual pages. Those of the commands are made from what clap knows of them, linkhook-events(7) from the
//! tables, linkhook.toml(5) from the sample configuration; the rest is Markdown.

mod markdown;
mod sample;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::Roff;

use super::Cli;
use crate::error::{Error, Result};
use crate::output::written;
use crate::reference;
use crate::words;

/// The program's page and the beginning of the other commands' names.
const PROGRAM: &str = "linkhook";
const CONFIGURATION: &str = "linkhook.toml";
const EVENTS: &str = "linkhook-events";
/// The footer's middle: of what the pages are a part.
const MANUAL: &str = "linkhook's manual";

/// No date: an argument that is empty, as roff writes it, so that the next one does not take its place.
const NO_DATE: &str = "\"\"";

/// What linkhook(1) says beside its options.
const PROGRAM_TEXT: &str = include_str!("linkhook.md");
const SAMPLE: &str = include_str!("../../../config/linkhook.toml");

/// Arguments of `linkhook man`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The page: a command's word, linkhook.toml, or linkhook-events; linkhook's own when none is named
    page: Option<String>,
    /// Write all pages into a directory, which is made: linkhook.1, linkhook-watch.1, linkhook.toml.5 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    directory: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(directory) = &arguments.directory {
        return write_all(directory);
    }
    let page = page(arguments.page.as_deref().unwrap_or(PROGRAM))?;
    written(page.render().and_then(|roff| io::stdout().write_all(&roff)))?;
    if io::stdout().is_terminal() {
        let asked = arguments.page.as_ref().map(|page| format!(" {page}")).unwrap_or_default();
        log::warn!("this is the page as 'man' takes it; to read it, run: linkhook man{asked} | man -l -");
    }
    Ok(())
}

fn write_all(directory: &Path) -> Result<()> {
    let failed = |error| Error::system(format_args!("cannot write the pages into {}", directory.display()), &error);
    std::fs::create_dir_all(directory).map_err(failed)?;
    for page in pages() {
        let file = directory.join(format!("{}.{}", page.name, page.section()));
        page.render().and_then(|roff| std::fs::write(file, roff)).map_err(failed)?;
    }
    Ok(())
}

/// The page of that name, with or without the `linkhook-` that it begins with.
fn page(name: &str) -> Result<Page> {
    let (whole, pages) = (format!("{PROGRAM}-{name}"), pages());
    let known: Vec<String> = pages.iter().map(|page| page.name.clone()).collect();
    pages.into_iter().find(|page| page.name == name || page.name == whole).ok_or_else(|| {
        let short = known.iter().map(|known| known.strip_prefix("linkhook-").unwrap_or(known));
        words::unknown("page", name, short)
    })
}

/// The names of all pages, as they are asked for.
pub fn names() -> Vec<String> {
    let short = |page: Page| page.name.strip_prefix("linkhook-").unwrap_or(&page.name).to_owned();
    pages().into_iter().map(short).collect()
}

struct Page {
    name: String,
    content: Content,
}

enum Content {
    Command(Box<clap::Command>),
    Configuration,
    Events,
}

/// All pages, the program's first.
fn pages() -> Vec<Page> {
    // 'linkhook help' has nothing to say that is not here.
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let commands: Vec<clap::Command> = std::iter::once(program.clone()).chain(commands).collect();
    let commands = commands.into_iter().map(|command| Page {
        name: command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned(),
        content: Content::Command(Box::new(command)),
    });
    let others = [(CONFIGURATION, Content::Configuration), (EVENTS, Content::Events)];
    commands.chain(others.map(|(name, content)| Page { name: name.to_owned(), content })).collect()
}

impl Page {
    /// The manual's section (man-pages(7)): commands, formats of files, and what else there is.
    fn section(&self) -> &'static str {
        match self.content {
            Content::Command(_) => "1",
            Content::Configuration => "5",
            Content::Events => "7",
        }
    }

    /// The page, in roff with the macros of man(7).
    fn render(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match &self.content {
            Content::Command(command) => self.render_command(command, &mut out)?,
            Content::Configuration => {
                self.begin("linkhook's configuration").to_writer(&mut out)?;
                sample::render(SAMPLE).to_writer(&mut out)?;
            }
            Content::Events => {
                self.begin("the lines that linkhook writes").to_writer(&mut out)?;
                let (title, text) = BY_HAND_TEXT.split_once('\n').unwrap_or_default();
                debug_assert!(title.starts_with("# "));
                markdown::render(&format!("## Description\n{text}{}", reference::markdown())).to_writer(&mut out)?;
            }
        }
        markdown::render(&see_also(&self.name)).to_writer(&mut out)?;
        Ok(String::from_utf8_lossy(&out).replace(markdown::BREAK, "\\:").into_bytes())
    }

    fn render_command(&self, command: &clap::Command, out: &mut Vec<u8>) -> io::Result<()> {
        let man =
            Man::new(command.clone()).title(self.name.to_uppercase()).date(NO_DATE).source(source()).manual(MANUAL);
        man.render_title(out)?;
        man.render_name_section(out)?;
        self.synopsis(command).to_writer(out)?;
        man.render_description_section(out)?;
        if command.has_subcommands() {
            man.render_subcommands_section(out)?;
        }
        man.render_options_section(out)?;
        let kinds = if self.name == PROGRAM { kinds() } else { String::new() };
        let rest = if self.name == PROGRAM { PROGRAM_TEXT } else { "" };
        markdown::render(&format!("{kinds}{}{rest}", examples(command))).to_writer(out)
    }

    /// The usage as the help has it, a line each: clap_mangen names every option there, and leaves out the values.
    fn synopsis(&self, command: &clap::Command) -> Roff {
        let usage = command.clone().render_usage().to_string();
        let mut roff = Roff::new();
        roff.control("SH", ["SYNOPSIS"]);
        for line in usage.trim_start_matches("Usage:").lines().map(str::trim).filter(|line| !line.is_empty()) {
            roff.text([clap_mangen::roff::roman(line)]);
            roff.control("br", []);
        }
        roff
    }

    /// The title, and what stands first in every page.
    fn begin(&self, about: &str) -> Roff {
        let mut roff = Roff::new();
        let (title, source) = (self.name.to_uppercase(), source());
        roff.control("TH", [title.as_str(), self.section(), NO_DATE, &source, MANUAL]);
        roff.control("SH", ["NAME"]);
        roff.text([clap_mangen::roff::roman(format!("{} - {about}", self.name))]);
        roff
    }
}

fn source() -> String {
    format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"))
}

/// Kinds and signals as the help lists them.
fn kinds() -> String {
    format!("## Kinds, own events and signals\n\n```\n{}\n```\n\n", words::listed())
}

/// The examples of the help: its lines that are indented.
fn examples(command: &clap::Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    if examples.is_empty() { String::new() } else { format!("## Examples\n\n```\n{}\n```\n\n", examples.join("\n")) }
}

/// The other pages.
fn see_also(name: &str) -> String {
    let others = pages().into_iter().filter(|page| page.name != name);
    let others: Vec<String> = others.map(|page| format!("**{}**({})", page.name, page.section())).collect();
    format!("## See also\n\n{}, **ip**(8), **rtnetlink**(7), **jq**(1)\n", others.join(", "))
}

/// docs/events.md, of which the second half is generated.
const WHOLE: &[u8] = include_bytes!("../../../docs/events.md");
/// What is written by hand of it, by itself: the program need not hold the rest, which it can generate.
static BY_HAND: [u8; by_hand_bytes()] = by_hand();
static BY_HAND_TEXT: std::sync::LazyLock<&str> =
    std::sync::LazyLock::new(|| std::str::from_utf8(&BY_HAND).unwrap_or_default());

const fn by_hand_bytes() -> usize {
    const MARK: &[u8] = b"<!-- generated";
    let (mut at, mut same) = (0, 0);
    while same < MARK.len() {
        assert!(at < WHOLE.len(), "docs/events.md has no mark before its generated half");
        same = if WHOLE[at] == MARK[same] { same + 1 } else { (WHOLE[at] == MARK[0]) as usize };
        at += 1;
    }
    at - same
}

const fn by_hand() -> [u8; by_hand_bytes()] {
    let mut text = [0; by_hand_bytes()];
    let mut at = 0;
    while at < text.len() {
        text[at] = WHOLE[at];
        at += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let mut names = names();
        let mut program = Cli::command();
        program.build();
        let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
        for command in shown.map(clap::Command::get_name).filter(|name| *name != "help") {
            assert!(names.iter().any(|name| name == command), "{command}");
        }
        names.retain(|name| page(name).is_err());
        assert!(names.is_empty(), "{names:?}");
    }

    #[test]
    fn the_page_of_events_has_both_halves() {
        let page = String::from_utf8(page("events").unwrap().render().unwrap()).unwrap();
        for word in ["never goes back", "carrier_lost", "nexthop_bucket", "SEVERITY", ".SS", "overrun", "IFLA"] {
            assert!(page.contains(word), "{word}");
        }
        assert!(!page.contains("<!--") && !page.contains("| ---"));
    }

    #[test]
    fn the_page_of_the_configuration_has_every_key() {
        let page = String::from_utf8(page("linkhook.toml").unwrap().render().unwrap()).unwrap();
        for word in ["state_dir", "kinds", "rotate", "give_up_after", "[watch]", "[[webhook]]", "conf.d"] {
            assert!(page.replace("\\-", "-").contains(word), "{word}");
        }
    }
}

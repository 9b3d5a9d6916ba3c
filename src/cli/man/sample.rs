//! The sample configuration, which has every key with a comment, as a part of a manual page.

use clap_mangen::roff::{Roff, bold, italic, roman};

/// Renders it: its first comment as the description, each table as a section, each key as a paragraph.
pub fn render(sample: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    for file in ["/etc/linkhook/linkhook.toml", "/etc/linkhook/conf.d/*.toml"] {
        roff.control("PP", []);
        roff.text([bold(file)]);
    }
    roff.control("SH", ["DESCRIPTION"]);
    let mut comment = String::new();
    for line in sample.lines() {
        match line.strip_prefix('#') {
            Some("") => paragraph(&mut roff, &mut comment),
            Some(text) if text.starts_with(' ') => comment.push_str(text),
            setting => {
                let (is_off, setting) = (setting.is_some(), setting.unwrap_or(line));
                if setting.is_empty() {
                    paragraph(&mut roff, &mut comment);
                } else if setting.starts_with('[') {
                    section(&mut roff, setting, &mut comment);
                } else {
                    key(&mut roff, setting, is_off, &mut comment);
                }
            }
        }
    }
    roff
}

fn paragraph(roff: &mut Roff, comment: &mut String) {
    if !comment.is_empty() {
        roff.control("PP", []);
        roff.text([roman(std::mem::take(comment).trim_start())]);
    }
}

fn section(roff: &mut Roff, name: &str, comment: &mut String) {
    roff.control("SH", [name]);
    paragraph(roff, comment);
}

fn key(roff: &mut Roff, setting: &str, is_off: bool, comment: &mut String) {
    let (key, value) = setting.split_once(" = ").unwrap_or((setting, ""));
    roff.control("TP", []);
    roff.text([bold(key)]);
    let about = std::mem::take(comment);
    if !about.is_empty() {
        roff.text([roman(about.trim_start())]);
        roff.control("IP", []);
    }
    let label = if is_off { "Not set, or for example:" } else { "Default:" };
    roff.text([italic(label), roman(" "), roman(value)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_comment_and_its_value() {
        let page =
            render("# All of\n# it.\n#\n# More.\n\n[watch]\n# Why.\na = 1\n# Which.\n#b = \"x\"\n\n# Hooks.\n#[[webhook]]\n#c = 2\n")
                .render();
        for part in [
            ".PP\nAll of it.\n.PP\nMore.\n",
            ".SH [watch]\n.TP\n\\fBa\\fR\nWhy.\n.IP\n\\fIDefault:\\fR 1\n",
            "\\fBb\\fR\nWhich.\n.IP\n\\fINot set, or for example:\\fR \"x\"\n",
            ".SH [[webhook]]\n.PP\nHooks.\n.TP\n\\fBc\\fR\n\\fINot set",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }
}

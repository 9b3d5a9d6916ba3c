//! Markdown, as linkhook's documentation is written in it, as a part of a manual page. A row of a table becomes a paragraph
//! with its first cell as the tag: columns would be too narrow on a terminal.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Where a word that is longer than a line may be broken. The page has roff's own sign there in the end, which cannot be
/// written through the crate.
pub const BREAK: char = '\u{e000}';
/// Letters of the longest word that is left whole: one fits into the line of a narrow terminal.
const WORD_MAX: usize = 60;

/// Renders it. The first heading of all, the document's title, is left out: a page has its own.
pub fn render(markdown: &str) -> Roff {
    let mut page = PagePart::default();
    // To the left: where a long key is broken there are no spaces to be widened.
    page.roff.control("ad", ["l"]);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        page.take(event);
    }
    page.roff
}

#[derive(Clone, Copy, Default)]
enum Font {
    #[default]
    Roman,
    Bold,
    Italic,
}

#[derive(Default)]
struct PagePart {
    roff: Roff,
    font: Font,
    /// Of the paragraph, cell or heading that is read.
    text: Vec<Inline>,
    /// The same without fonts.
    plain: String,
    /// The code that is read.
    code: Option<String>,
    /// How deep in lists; whether the item has its bullet.
    depth: u32,
    is_begun: bool,
    /// The headings of a table's columns.
    head: Vec<String>,
    /// The cells of the row that is read.
    row: Vec<Vec<Inline>>,
}

impl PagePart {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.say(&text, self.font),
            },
            Event::Code(text) => self.say(&text, Font::Bold),
            Event::SoftBreak => self.say(" ", self.font),
            Event::HardBreak => self.text.push(Inline::LineBreak),
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            // Comments.
            _ => {}
        }
    }

    fn say(&mut self, text: &str, font: Font) {
        self.plain.push_str(text);
        let text = breakable(text);
        self.text.push(match font {
            Font::Roman => roman(text),
            Font::Bold => bold(text),
            Font::Italic => italic(text),
        });
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis => self.font = Font::Italic,
            Tag::Strong => self.font = Font::Bold,
            Tag::CodeBlock(_) => self.code = Some(String::new()),
            Tag::List(_) => {
                self.paragraph();
                self.depth += 1;
            }
            Tag::Item => self.is_begun = false,
            Tag::Paragraph | Tag::Heading { .. } | Tag::TableHead | Tag::TableCell => {
                self.text.clear();
                self.plain.clear();
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong => self.font = Font::Roman,
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph | TagEnd::Item => self.paragraph(),
            TagEnd::List(_) => self.depth -= 1,
            TagEnd::CodeBlock => self.code_block(),
            TagEnd::TableCell => {
                self.row.push(std::mem::take(&mut self.text));
                if self.head.len() < self.row.len() {
                    self.head.push(std::mem::take(&mut self.plain));
                }
            }
            TagEnd::TableHead => self.row.clear(),
            TagEnd::TableRow => self.table_row(),
            TagEnd::Table => self.head.clear(),
            _ => {}
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let title = std::mem::take(&mut self.plain);
        self.text.clear();
        let (macro_name, title) = match level {
            HeadingLevel::H1 => return,
            HeadingLevel::H2 => ("SH", title.to_uppercase()),
            _ => ("SS", title),
        };
        self.roff.control(macro_name, [title.as_str()]);
    }

    fn paragraph(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return;
        }
        match (self.depth, std::mem::replace(&mut self.is_begun, true)) {
            (0, _) => self.roff.control("PP", []),
            (_, false) => self.roff.control("IP", ["\\(bu", "2"]),
            (_, true) => self.roff.control("IP", ["", "2"]),
        };
        self.roff.text(text);
    }

    fn code_block(&mut self) {
        let code = self.code.take().unwrap_or_default();
        self.roff.control("PP", []);
        self.roff.control("EX", []);
        for line in code.lines() {
            self.roff.text([roman(line)]);
        }
        self.roff.control("EE", []);
    }

    /// The first cell, and below it the others, each behind the heading of its column; but one that is alone needs none.
    fn table_row(&mut self) {
        let mut cells = std::mem::take(&mut self.row).into_iter();
        self.roff.control("TP", []);
        self.roff.text(cells.next().unwrap_or_default());
        let is_alone = cells.len() == 1;
        let mut body = Vec::new();
        for (heading, cell) in self.head.iter().skip(1).zip(cells) {
            if !body.is_empty() {
                body.push(roman("; "));
            }
            if !is_alone {
                body.push(italic(heading.as_str()));
                body.push(roman(" "));
            }
            body.extend(cell);
        }
        self.roff.text(body);
    }
}

/// A key's path may be longer than a line: it may be broken behind each part.
fn breakable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let is_long = word.len() > WORD_MAX;
        for letter in word.chars() {
            out.push(letter);
            if is_long && matches!(letter, '.' | '>') {
                out.push(BREAK);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_may_be_broken() {
        let key = format!("{}.{}", "a".repeat(40), "b".repeat(40));
        assert_eq!(breakable(&format!("x.y {key} z.")), format!("x.y {} z.", key.replace('.', &format!(".{BREAK}"))));
    }

    #[test]
    fn headings_lists_tables_and_code() {
        let page = render(
            "# Title\n\n## One *two*\n\nA `b` **c**\nd.\n\n- x\n  y\n- z\n\n### Three\n\n```\n.code\n```\n\n\
             | k | is | from |\n| - | - | - |\n| `a` | b | c |\n\n| k | is |\n| - | - |\n| a | b |\n\n<!-- no -->\n",
        );
        let page = page.render();
        for part in [
            ".SH \"ONE TWO\"\n",
            ".PP\nA \\fBb\\fR \\fBc\\fR d.\n",
            ".IP \\(bu 2\nx y\n.IP \\(bu 2\nz\n",
            ".SS Three\n",
            ".EX\n\\&.code\n.EE\n",
            ".TP\n\\fBa\\fR\n\\fIis\\fR b; \\fIfrom\\fR c\n",
            ".TP\na\nb\n",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("Title") && !page.contains("no"));
    }
}

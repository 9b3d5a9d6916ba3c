//! Text in colours, whose columns are counted as it is written.

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal has it.
    Plain,
    /// What matters least.
    Dim,
    /// What matters.
    Bold,
    /// An interface's name.
    Interface,
    /// What came.
    Came,
    /// What went.
    Went,
    /// Something was lost.
    Warning,
    /// linkhook itself failed at something.
    Error,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Dim => "\x1b[2m",
            Ink::Bold => "\x1b[1m",
            Ink::Interface => "\x1b[36m",
            Ink::Came => "\x1b[32m",
            Ink::Went => "\x1b[31m",
            Ink::Warning => "\x1b[1;33m",
            Ink::Error => "\x1b[1;31m",
        }
    }
}

const END: &str = "\x1b[0m";

/// A part of a line, with the columns that it takes.
#[derive(Debug, Default)]
pub struct Painter {
    text: String,
    columns: usize,
    colours: bool,
    ascii: bool,
    /// The space before what comes next is left out.
    glued: bool,
}

/// A place in what was painted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Bytes before it.
    pub at: usize,
    /// Columns before it.
    pub columns: usize,
}

impl Painter {
    /// With colours or without; what is not ASCII as it is, or written another way.
    pub fn new(colours: bool, ascii: bool) -> Painter {
        Painter { colours, ascii, ..Painter::default() }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.text.clear();
        self.columns = 0;
    }

    /// What was painted.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it ends now.
    pub fn place(&self) -> Place {
        Place { at: self.text.len(), columns: self.columns }
    }

    /// How many columns it takes: one for each character.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Adds text in the ink that was begun.
    pub fn push(&mut self, mut text: &str) {
        if self.glued && !text.is_empty() {
            text = text.strip_prefix(' ').unwrap_or(text);
            self.glued = false;
        }
        if text.is_ascii() {
            self.text.push_str(text);
            self.columns += text.len();
        } else {
            text.chars().for_each(|character| self.push_character(character));
        }
    }

    fn push_character(&mut self, character: char) {
        // A terminal that takes octets from 128 on for other than UTF-8 has controls among them.
        let instead = match character {
            _ if character.is_ascii() || !self.ascii => {
                self.text.push(character);
                self.columns += 1;
                return;
            }
            '→' => "->",
            '…' => "...",
            _ => "?",
        };
        self.text.push_str(instead);
        self.columns += instead.len();
    }

    /// Adds text in an ink.
    pub fn paint(&mut self, ink: Ink, text: &str) {
        self.within(ink, |painter| painter.push(text));
    }

    /// Adds in an ink what the function adds.
    pub fn within(&mut self, ink: Ink, add: impl FnOnce(&mut Painter)) {
        let code = if self.colours { ink.code() } else { "" };
        self.text.push_str(code);
        add(self);
        if !code.is_empty() {
            self.text.push_str(END);
        }
    }

    /// Leaves out the space before what comes next.
    pub fn glue(&mut self) {
        self.glued = true;
    }

    /// Ends the line.
    pub fn end_line(&mut self) {
        self.text.push('\n');
    }

    /// What was added so far takes no columns of what comes.
    pub fn forget_columns(&mut self) {
        self.columns = 0;
    }

    /// Adds spaces until so many columns are full.
    pub fn fill(&mut self, columns: usize) {
        while self.columns < columns {
            self.push(" ");
        }
    }

    /// Adds what another one has between two places.
    pub fn append(&mut self, other: &Painter, from: Place, to: Place) {
        self.text.push_str(other.text.get(from.at..to.at).unwrap_or_default());
        self.columns += to.columns - from.columns;
    }

    /// The same, but no more than so many columns, the last of which say that there is more.
    pub fn append_cut(&mut self, other: &Painter, from: Place, to: Place, columns: usize) {
        const MORE: &str = "…";
        let end = self.columns + columns - if self.ascii { "...".len() } else { 1 };
        let mut is_escape = false;
        for character in other.text.get(from.at..to.at).unwrap_or_default().chars() {
            is_escape |= character == '\x1b';
            if is_escape {
                self.text.push(character);
                is_escape = character != 'm';
            } else if self.columns < end {
                self.text.push(character);
                self.columns += 1;
            }
        }
        self.push(MORE);
    }

    /// Adds all that another one has, of which every word has a space before it and nothing is coloured. Where it has no
    /// room, it goes on in the next row, behind so many columns at most.
    pub fn append_wrapped(&mut self, other: &Painter, width: Option<usize>, indent: usize) {
        let Some(width) = width.filter(|width| self.columns + other.columns > *width) else {
            return self.append_all(other);
        };
        let indent = indent.min(width / 4);
        for word in other.text.split(' ').skip(1) {
            if self.columns + 1 + word.chars().count() > width {
                self.end_line();
                self.columns = 0;
                self.fill(indent);
            }
            self.push(" ");
            self.push(word);
        }
    }

    /// Adds all that another one has.
    pub fn append_all(&mut self, other: &Painter) {
        self.append(other, Place::default(), other.place());
    }
}

//! The words that a kind's column `title` is written in: what an object is called where people read it.
//!
//! Each [`Word`] is a value of the object's JSON, with what is said before it. `output/text` reads them; nothing here has
//! behaviour.

/// One word of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where the value stands in the object's JSON, with dots between its keys.
    pub path: &'static str,
    /// Where it stands if it is not there; empty for nowhere else.
    pub or: &'static str,
    /// What is said before it; of one that is `true`, what is said for it. Empty for nothing, and for the key's name.
    pub before: &'static str,
    /// What is said behind it, without a space.
    pub behind: &'static str,
    /// Whether it stands at the word before it, without a space.
    pub joined: bool,
    /// Values that go without saying.
    pub unless: &'static [&'static str],
    /// It is said only where that path has that value.
    pub when: Option<(&'static str, &'static str)>,
    /// Of a list of objects: the words of each.
    pub each: &'static [Word],
    /// Whether it goes without saying where it is the line's interface.
    pub elsewhere: bool,
    /// Whether it tells the object apart from no other one: it is said only of one that comes, or is there.
    pub detail: bool,
}

/// The value at a path.
pub const fn word(path: &'static str) -> Word {
    Word {
        path,
        or: "",
        before: "",
        behind: "",
        joined: false,
        unless: &[],
        when: None,
        each: &[],
        elsewhere: false,
        detail: false,
    }
}

/// The value at a path, with its key before it.
pub const fn named(path: &'static str) -> Word {
    word(path).after(path)
}

/// The value at a path, with its key before it, for an object that comes or is there.
pub const fn detail(path: &'static str) -> Word {
    named(path).as_detail()
}

impl Word {
    /// What is said before it.
    pub const fn after(self, before: &'static str) -> Word {
        Word { before, ..self }
    }

    /// What is said behind it.
    pub const fn then(self, behind: &'static str) -> Word {
        Word { behind, ..self }
    }

    /// Where it stands if it is not at its path.
    pub const fn or(self, or: &'static str) -> Word {
        Word { or, ..self }
    }

    /// It stands at the word before it, with that between them.
    pub const fn joined(self, before: &'static str) -> Word {
        Word { before, joined: true, ..self }
    }

    /// Values that go without saying.
    pub const fn unless(self, unless: &'static [&'static str]) -> Word {
        Word { unless, ..self }
    }

    /// It is said only where that path has that value.
    pub const fn when(self, path: &'static str, value: &'static str) -> Word {
        Word { when: Some((path, value)), ..self }
    }

    /// Of a list of objects: the words of each.
    pub const fn each(self, each: &'static [Word]) -> Word {
        Word { each, ..self }
    }

    /// It goes without saying where it is the line's interface.
    pub const fn elsewhere(self) -> Word {
        Word { elsewhere: true, ..self }
    }

    /// It is said only of an object that comes, or is there.
    pub const fn as_detail(self) -> Word {
        Word { detail: true, ..self }
    }
}

//! A look: which objects the kernel is asked for once more, and which of them a dump is asked for.

use crate::kinds::KindIndex;
use crate::mirror::ask::Asked;

/// A look that is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// At objects of that kind.
    pub kind: KindIndex,
    /// At those that concern an interface; `None` for all.
    pub link: Option<u32>,
    /// Of routes, at those of one family.
    pub family: Option<u8>,
    /// Nothing but the interface's flags can have changed them: those that are as such flags leave them need no look.
    pub flags_alone: bool,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
}

impl Look {
    /// A look at all objects of a kind, for no reason that is known.
    pub fn at(kind: KindIndex) -> Look {
        Look { kind, link: None, family: None, flags_alone: false, cause: None }
    }
}

/// Which objects a dump was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of a kind.
    All,
    /// Those that concern any of some interfaces.
    Links(Vec<u32>),
    /// Some routes.
    Routes(Routes),
}

/// Which routes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Those of a family through an interface, of several of both: the kernel goes through all of the family for each.
    pub through: Vec<(u8, u32)>,
    /// Single ones of IPv4.
    pub asked: Vec<Asked>,
}

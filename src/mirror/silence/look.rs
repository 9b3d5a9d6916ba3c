//! A look: which objects the kernel is asked for once more, and which of them a dump is asked for.

use crate::decode::schema::Kind;
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
    /// Only a change of the interface's flags can have touched them: routes whose `dead` and `linkdown` fit the flags already
    /// are not asked for.
    pub flags_alone: bool,
    /// It is taken even where no object is known there: one may have come.
    pub may_be_new: bool,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
}

impl Look {
    /// A look at all objects of a kind, for no reason that is known.
    pub fn at(kind: KindIndex) -> Look {
        Look { kind, link: None, family: None, flags_alone: false, may_be_new: true, cause: None }
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

impl Scope {
    /// Whether a dump of it shows that object of a kind; `hash` is that of its identity, where it may be a single one.
    pub(in crate::mirror) fn shows(&self, table: &Kind, hash: Option<u64>, object: &[u8]) -> bool {
        if !table.is_dumped(object) {
            return false;
        }
        match self {
            Scope::All => true,
            Scope::Links(links) => table.interfaces_of(object).iter().any(|ifindex| links.contains(ifindex)),
            Scope::Routes(Routes { through, asked }) => {
                let leads_through = |&ifindex: &u32| through.contains(&(route_family(object), ifindex));
                asked.iter().any(|asked| Some(asked.hash) == hash)
                    || table.interfaces_of(object).iter().any(leads_through)
            }
        }
    }
}

/// The family, with which every route begins.
pub(in crate::mirror) fn route_family(object: &[u8]) -> u8 {
    object.first().copied().unwrap_or_default()
}

/// Which routes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Those of a family through an interface, of several of both: the kernel goes through all of the family for each.
    pub through: Vec<(u8, u32)>,
    /// Single ones of IPv4.
    pub asked: Vec<Asked>,
}

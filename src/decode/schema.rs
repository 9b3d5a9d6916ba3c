//! The words that the tables in `kinds` are written in.
//!
//! A table is a [`Set`] of [`Row`]s: one row an attribute, with its number, its key and what its value [`Is`]. Fixed
//! headers and structures are [`Structure`]s of [`Field`]s. `walk` reads them; nothing here has behaviour.

use smallvec::SmallVec;

use super::context::{Context, Links};
pub use super::structure::{Field, Structure, field, field_of};
use super::title::Word;
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::{Json, Key};
use crate::netlink::wire;

/// A number's width, sign and byte order; the machine's byte order unless named `Be`, the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scalar {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    U16Be,
    U32Be,
    U64Be,
    I32Be,
}

impl Scalar {
    /// Its width in octets.
    pub const fn bytes(self) -> usize {
        match self {
            Scalar::U8 | Scalar::I8 => 1,
            Scalar::U16 | Scalar::I16 | Scalar::U16Be => 2,
            Scalar::U32 | Scalar::I32 | Scalar::U32Be | Scalar::I32Be => 4,
            Scalar::U64 | Scalar::I64 | Scalar::U64Be => 8,
        }
    }
}

/// Names of numbers; for [`Is::Bits`] each number is a mask.
pub type Names = [(u64, &'static str)];

/// Why a value could not be decoded. The attribute is then kept as hex, with this as its `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The length in octets that the value must have.
    Length(usize),
    /// The value is shorter than that many octets.
    Short(usize),
    /// Anything else, in words.
    Because(&'static str),
}

/// What decoding a value gives: what could not be decoded is kept by the walker.
pub type Decoded = Result<(), Wrong>;

/// A function that writes one value.
pub type WriteValue = fn(&mut Json, &Context<'_>, &[u8]) -> Decoded;

/// What a function writes: the reference is made from it, and a test holds what is written in all recordings against it.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// What a table can say as well: a name, an address, an object with the attributes of a set.
    As(&'static Is),
    /// A list of such values.
    List(&'static Shape),
    /// An object with these members, of which any may be left out.
    Object(&'static [Part]),
}

impl Part {
    /// A member that is a text.
    pub const fn text(key: &'static str) -> Part {
        Part::Member(key, TEXT)
    }

    /// A member that is a number.
    pub const fn number(key: &'static str) -> Part {
        Part::Member(key, NUMBER)
    }

    /// A member that is an interface's name.
    pub const fn link(key: &'static str) -> Part {
        Part::Member(key, LINK_NAME)
    }

    /// A member that is true or false.
    pub const fn bool(key: &'static str) -> Part {
        Part::Member(key, BOOL)
    }

    /// A member that is a list of texts.
    pub const fn texts(key: &'static str) -> Part {
        Part::Member(key, &Shape::List(TEXT))
    }
}

/// [`Shape::Text`], for a row.
pub const TEXT: &Shape = &Shape::Text;
/// [`Shape::Number`], for a row.
pub const NUMBER: &Shape = &Shape::Number;
/// [`Shape::Bool`], for a row.
pub const BOOL: &Shape = &Shape::Bool;
/// An interface's name, as [`Is::Link`] is, for a row.
pub const LINK_NAME: &Shape = &Shape::As(&Is::Link);

/// A part of an object that a function writes.
#[derive(Clone, Copy)]
pub enum Part {
    /// A member: its key and its value.
    Member(&'static str, &'static Shape),
    /// The same, of a member that never counts as a change: the function leaves it out where objects are compared.
    Volatile(&'static str, &'static Shape),
    /// Members with one shape whose keys come from the kernel or from a table of names; in words, what they are.
    Members(&'static str, &'static Shape),
    /// A member that is `true` for each bit that is set, by these names.
    Flags(&'static Names),
    /// The members of a set's attributes.
    Set(&'static Set),
    /// The members of a structure's fields.
    Structure(&'static Structure),
    /// One of several, by a name that another member says.
    Choice(&'static [(&'static str, Part)]),
}

/// What a value is, and so how it is written.
#[derive(Clone, Copy)]
pub enum Is {
    /// A number.
    Number(Scalar),
    /// A number without sign whose width is the value's length (1, 2, 4 or 8 octets, the machine's byte order).
    AnyNumber,
    /// A number; left out where it is that one, which means none.
    NumberUnless(Scalar, u64),
    /// A number: `false` for 0, else `true`.
    Bool(Scalar),
    /// `true`: that the attribute is there says it.
    Present,
    /// A number with names: its name, or the number where it has none.
    Named(Scalar, &'static Names),
    /// A number named by one of iproute2's files: the name (or the digits) as text, and the number beside it under
    /// the key with `_id` behind it.
    NamedId(Scalar, &'static Names),
    /// A set of bits: a list of the names of those that are set; bits without a name together as `"0x…"`.
    Bits(Scalar, &'static Names),
    /// A set of bits: a member that is `true` for each that is set; bits without a name together as `"0x…"` under the
    /// row's key.
    Flags(Scalar, &'static Names),
    /// Text up to its NUL or its end; octets that are not UTF-8 become U+FFFD.
    Text,
    /// Octets as hexadecimal digits.
    Hex,
    /// A link-layer address: `aa:bb:…`, of any length.
    Hardware,
    /// An IPv4 (4 octets) or IPv6 (16 octets) address.
    Ip,
    /// An interface index (four octets): the interface's name.
    Link,
    /// A nest with attributes of that set: an object.
    Set(&'static Set),
    /// The same, but its members stand among the members around it; the row's key is not used.
    Inline(&'static Set),
    /// What it is depends on another attribute. Where that gives no choice, it is kept as hex; an empty one is left
    /// out.
    Chosen(&'static Choice),
    /// A nest of which each attribute, whatever its number, is one element of a list.
    Each(&'static Is),
    /// A row of values of so many octets each, without headers: a list.
    Array(&'static Is, usize),
    /// A C structure: an object.
    Structure(&'static Structure),
    /// A C structure whose members stand among the members around it; the row's key is not used.
    InlineStructure(&'static Structure),
    /// Written by a function, as one value of that shape.
    Value(WriteValue, &'static Shape),
    /// Written by a function, as any number of members (none too) of the object around it: these. The row's key is not
    /// used.
    Members(WriteValue, &'static [Part]),
    /// Told with another attribute, whose function reads it: it has no member of its own, but it counts in comparisons.
    Elsewhere,
    /// Known, and left out on purpose: padding, or what another attribute says better. It counts in comparisons
    /// no more than it is printed.
    Known,
}

/// A set of attributes, as one `enum` in the kernel's headers.
pub struct Set {
    /// The kernel's prefix: `IFLA`, `IFLA_BR`.
    pub name: &'static str,
    /// Its attributes, by number, growing.
    pub rows: &'static [Row],
}

impl Set {
    /// A table of attributes.
    pub const fn new(name: &'static str, rows: &'static [Row]) -> Set {
        Set { name, rows }
    }

    /// The row of an attribute.
    #[inline]
    pub fn row(&self, number: u16) -> Option<(usize, &'static Row)> {
        let rows = self.rows;
        let guess = (number as usize).wrapping_sub(rows.first()?.number as usize);
        if let Some(row) = rows.get(guess)
            && row.number == number
        {
            return Some((guess, row));
        }
        let at = rows.binary_search_by_key(&number, |row| row.number).ok()?;
        Some((at, &rows[at]))
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number in the kernel's headers.
    pub number: u16,
    /// Its key in the JSON object.
    pub key: Key,
    /// What its value is.
    pub is: Is,
    /// Counters, ages and timers: it never counts as a change.
    pub volatile: bool,
    /// Several attributes of this number make up one list.
    pub repeated: bool,
}

/// An attribute's row.
pub const fn row(number: u16, key: &'static str, is: Is) -> Row {
    Row { number, key: Key::new(key), is, volatile: false, repeated: false }
}

impl Row {
    /// Marks a counter, age or timer: it never counts as a change.
    pub const fn volatile(self) -> Row {
        Row { volatile: true, ..self }
    }

    /// Marks an attribute that comes several times and makes up one list.
    pub const fn repeated(self) -> Row {
        Row { repeated: true, ..self }
    }
}

/// What a value is, by another attribute's value.
pub struct Choice {
    /// The set in which the deciding attribute stands.
    pub level: Level,
    /// The deciding attribute's number.
    pub by: u16,
    /// The choices.
    pub among: Among,
}

/// Where a deciding attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Beside the value.
    Here,
    /// Beside the nest in which the value stands.
    Above,
    /// In the message itself.
    Message,
}

/// The choices of a [`Choice`].
pub enum Among {
    /// By a name.
    Text(&'static [(&'static str, Is)]),
    /// By a number without sign, of any width.
    Number(&'static [(u64, Is)]),
}

/// Where the one interface stands that an object concerns. A kind whose objects concern several has a hook for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// It concerns none.
    None,
    /// At that offset of the header, four octets.
    Header(usize),
    /// In that attribute, four octets.
    Attribute(u16),
    /// In the nest of the first number, in the attribute of the second, four octets.
    Nested(u16, u16),
    /// [`Hooks::interfaces`] gives it, where there is one alone.
    Only,
}

/// What makes an object the same object.
pub struct Identity {
    /// Parts of the header: offset and length in octets.
    pub header: &'static [(usize, usize)],
    /// Attributes; one that is absent is a value too.
    pub attributes: &'static [u16],
    /// The members of its JSON, dotted, by which a line is known to be of the same object; of `a|b` the first that is there.
    /// They may tell apart what is one object, such as a route that went over to another interface, and never take two for one. None
    /// where a line is not known to be of an object: lines of it never settle.
    pub members: &'static [&'static str],
}

/// How a dump is limited to one interface's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerLink {
    /// The interface's index stands in the header, at that offset, and has to: there is no dump of all interfaces.
    Header(usize),
    /// The interface's index may stand in that attribute (a strict dump, `NETLINK_GET_STRICT_CHK`).
    Attribute(u16),
}

/// A request that makes the kernel show what exists.
pub struct DumpRequest {
    /// `RTM_GET…`.
    pub message: u16,
    /// The family's header, whole; empty where the kernel reads attributes at once.
    pub header: &'static [u8],
    /// Attributes of the request.
    pub attributes: &'static [(u16, &'static [u8])],
    /// Where an interface's index belongs, for a dump that shows one interface's objects; `None` where the kernel has no
    /// such dump.
    pub per_link: Option<PerLink>,
}

/// One kind of kernel object: the `event` of its lines.
pub struct Kind {
    /// Its name, and the key of the object in the line.
    pub name: &'static str,
    /// What it is, in a few words, for the help and the reference.
    pub about: &'static str,
    /// What one is called where people read it: together with its interface, it tells it apart from any other.
    pub title: &'static [Word],
    /// The multicast groups of its protocol that tell of it, such as `RTNLGRP_*`.
    pub groups: &'static [u32],
    /// The type of the message that an object is there, such as `RTM_NEW…`. No two protocols have the same:
    /// `Protocol::adapt`.
    pub new: u16,
    /// The type of the message that it is gone, such as `RTM_DEL…`; 0 where there is none.
    pub delete: u16,
    /// The header's families, where only their messages are of this kind; empty for all that no other kind takes.
    pub families: &'static [u8],
    /// The family's header.
    pub header: &'static Structure,
    /// The attributes behind it.
    pub set: &'static Set,
    /// Where the one interface stands that it concerns.
    pub interface: Interface,
    /// What makes it the same object; `None` for an event without state, of which each one is told.
    pub identity: Option<Identity>,
    /// Where a message holds several objects: the ways to them, each the numbers of the nests that lead there, 0 for any
    /// number. Each object becomes a message of its own, with the header, the attributes that are on no way and one of
    /// them. Empty where a message is an object.
    pub split: &'static [&'static [u16]],
    /// Whether a notification holds only what changed: attributes that it lacks keep their value.
    pub partial: bool,
    /// How the kernel is asked for what exists; empty where it cannot be asked.
    pub dumps: &'static [DumpRequest],
    /// What no column can say.
    pub hooks: Hooks,
}

impl Kind {
    /// One that no message is of: what most kinds do not have.
    pub const PLAIN: Kind = Kind {
        name: "",
        about: "",
        title: &[],
        groups: &[],
        new: 0,
        delete: 0,
        families: &[],
        header: &Structure::new("", 0, &[]),
        set: &Set::new("", &[]),
        interface: Interface::None,
        identity: None,
        split: &[],
        partial: false,
        dumps: &[],
        hooks: Hooks::NONE,
    };
}

/// What is special about a kind and takes a function to say; each is `None` for most kinds.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// What a message says of an object that is not known, by its header's flags and whether it says that the object is gone. Where
    /// there is no function, it is an `add` or a `remove`.
    pub action: Option<fn(u16, bool) -> Action>,
    /// The name of the interface that an object concerns, where the object itself has it.
    pub interface_name: Option<InterfaceName>,
    /// Further types of messages of this kind, and whether they say that the object is gone.
    pub also: &'static [(u16, bool)],
    /// The one group of [`Kind::groups`] that tells of an action, of a kind whose actions have groups of their own.
    pub group_of: Option<fn(Action) -> Option<u32>>,
    /// The address family that an object is of, where that is not the first octet of its header.
    pub family: Option<fn(&[u8]) -> u8>,
    /// Adds to an object's key what makes it the same object and no list of attributes can say: the key, the payload and
    /// its attributes.
    pub key: Option<WriteKey>,
    /// Every interface that an object concerns, where there may be several, each once.
    pub interfaces: Option<fn(&[u8]) -> Interfaces>,
    /// The routing table that an object is in or points to.
    pub route_table: Option<RouteTable>,
    /// What a change means.
    pub signals: Option<fn(&Sides<'_>) -> Signals>,
    /// A group of objects of which one at least should be there.
    pub last: Option<LastOf>,
    /// How much an event of this kind matters, signals apart: the first row that holds says it.
    pub severity: &'static [SeverityRow],
    /// Whether a row of a dump is an object; where there is no function, every row is.
    pub is_object: Option<fn(&[u8]) -> bool>,
    /// Whether an object is one that the kernel makes for itself and never tells of: what dumps show of it is not taken in,
    /// unless it was told of after all.
    pub is_kernels_own: Option<fn(&[u8]) -> bool>,
    /// What an object would be, had it not gone on by itself meanwhile, where it may have: old and new. A look that finds nothing else
    /// tells nothing.
    pub aged: Option<Aged>,
    /// Whether dumps show an object that notifications tell of; where there is no function, they show each.
    pub is_dumped: Option<fn(&[u8]) -> bool>,
    /// The objects in a row that stands for a range of them.
    pub singles: Option<Singles>,
    /// The offset in the dump's header where the parent belongs, of a kind whose objects are asked for by each parent of
    /// which any are known, too.
    pub parent_at: Option<usize>,
    /// Which objects come, change or go with nothing near them that is told.
    pub untold: Untold,
    /// Attributes that change with nothing near the object that is told.
    pub untold_attributes: &'static [u16],
    /// The same inside other attributes: of each, its number and those inside it.
    pub untold_inside: &'static [(u16, &'static [u16])],
    /// Whether there are kernels that have the kind and do not have its groups, which came later.
    pub older_than_groups: bool,
    /// Whether the kernel removes an object and adds it again at once when its link is renamed: neither is told.
    pub renewed: bool,
    /// The message that says that all those objects are gone which it means, and names none.
    pub flush: Option<Flush>,
    /// Completes the header of a row that dumps leave incomplete, so that it is that of a notification.
    pub complete: Option<fn(&mut [u8])>,
    /// Whether there is one object, which the kernel shows by itself and in no dump.
    pub single: bool,
    /// The kind whose objects say how to read this kind's: its dumps come first, and this kind is asked for by each of them.
    pub read_by: Option<&'static Kind>,
    /// What asks for this kind's objects, by an object of the kind that is told first ([`Hooks::read_by`]): the request's body.
    pub asked_by: Option<AskedBy>,
    /// The kind whose objects go with an object of this kind without a word, and whether one is inside: it and the payload of what
    /// has gone.
    pub holds: Option<(&'static Kind, IsInside)>,
    /// Whether an object comes and goes by itself: it is told, and not kept.
    pub passes: Option<Passes>,
    /// So many objects are kept at most: what is beyond is told as the kernel tells it, compared with nothing. 0 where none is kept
    /// unless the user asks for it.
    pub kept_max: usize,
    /// The kind of interfaces (`IFLA_INFO_KIND`) whose objects these are: each is asked for by its interface, and an answer has objects
    /// of several kinds.
    pub of_links: Option<&'static str>,
    /// Whether a look comes again and again, where the user says how often.
    pub polled: Polled,
    /// The capability without which the kernel does not show its objects, where its protocol needs none.
    pub needs: Option<&'static str>,
    /// What an object is after a message that speaks of a part of it: what it was, the message, and whether it says that the part
    /// is gone. `None` where the message speaks of all of it.
    pub part: Option<OfPart>,
    /// Whether the message that an object is gone says what it was at last, where that is more than was told before and no change.
    pub last_word: bool,
    /// What of the namespace's settings says how much the kernel tells of the kind.
    pub sysctls: &'static [Sysctl],
    /// Whether it comes only when it is named, and by no word for several kinds.
    pub named_alone: bool,
}

impl Hooks {
    /// None.
    pub const NONE: Hooks = Hooks {
        action: None,
        also: &[],
        group_of: None,
        family: None,
        interface_name: None,
        key: None,
        interfaces: None,
        route_table: None,
        signals: None,
        last: None,
        severity: &[],
        is_object: None,
        is_kernels_own: None,
        aged: None,
        is_dumped: None,
        singles: None,
        parent_at: None,
        untold: Untold::Nothing,
        untold_attributes: &[],
        untold_inside: &[],
        older_than_groups: false,
        renewed: false,
        flush: None,
        complete: None,
        single: false,
        read_by: None,
        asked_by: None,
        holds: None,
        passes: None,
        kept_max: usize::MAX,
        of_links: None,
        polled: Polled::No,
        needs: None,
        part: None,
        last_word: false,
        sysctls: &[],
        named_alone: false,
    };
}

/// Whether objects of a kind are looked at again and again, where the user says how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// They are not: the kernel tells of them.
    No,
    /// They are: the kernel tells nothing of them.
    Too,
    /// They are, and to follow them without it makes no sense: there is nothing near them that is told.
    Only,
}

/// A message that says that all those objects of a kind are gone which it means, and names none. They are removed, and looked at:
/// the kernel may have kept some.
#[derive(Clone, Copy)]
pub struct Flush {
    /// Its type.
    pub message: u16,
    /// Whether it means an object: its payload, and the object's.
    pub means: fn(&[u8], &[u8]) -> bool,
}

/// A setting of a network namespace, which `hello` tells.
#[derive(Debug)]
pub struct Sysctl {
    /// Its key there.
    pub key: &'static str,
    /// Where it stands, below `/proc/sys`.
    pub path: &'static str,
    /// Whether it is on or off, and not a number.
    pub is_switch: bool,
}

/// From an object, what asks for those of it.
pub type AskedBy = fn(&[u8]) -> Option<Vec<u8>>;

/// Whether the second object is inside the first.
pub type IsInside = fn(&[u8], &[u8]) -> bool;

/// Whether an object comes and goes by itself.
pub type Passes = fn(&[u8], &dyn Links) -> bool;

/// What an object is after a message of a part of it: what it was, the message, and whether the part is gone.
pub type OfPart = fn(&[u8], &[u8], bool) -> Option<Vec<u8>>;

/// From what an object was and what it is: what it would be, had it not gone on by itself.
pub type Aged = fn(&[u8], &[u8]) -> Option<Vec<u8>>;

/// Groups of a kind's objects of which one at least should be there, and what it means when the last one goes.
#[derive(Clone, Copy)]
pub struct LastOf {
    /// The group that an object is of, below [`GROUPS_MAX`], if it is of any.
    pub group: fn(&[u8]) -> Option<usize>,
    /// The last one has gone.
    pub lost: Signals,
    /// There was none, and is one now.
    pub back: Signals,
}

/// A kind has so many such groups at most.
pub const GROUPS_MAX: usize = 2;

/// How much events of a kind matter on one condition.
#[derive(Clone, Copy)]
pub struct SeverityRow {
    /// How much.
    pub severity: Severity,
    /// Of which events, in words: "that come and go".
    pub of: &'static str,
    /// Whether an event is such a one, by what happened and the object; where there is no function, every one is.
    pub holds: Option<fn(Action, &[u8]) -> bool>,
}

impl SeverityRow {
    /// Every event matters so much, but for those of the rows before.
    pub const fn all(severity: Severity) -> SeverityRow {
        SeverityRow { severity, of: "", holds: None }
    }

    /// Events for which a condition holds matter so much.
    pub const fn of(severity: Severity, of: &'static str, holds: fn(Action, &[u8]) -> bool) -> SeverityRow {
        SeverityRow { severity, of, holds: Some(holds) }
    }
}

/// An identity's bytes, as [`key`](super::key) writes them: comparable, and nothing more.
pub type ObjectKey = Vec<u8>;

/// Which objects of a kind come, change or go with nothing near them that is told.
#[derive(Clone, Copy)]
pub enum Untold {
    /// None: the kernel tells what happens to them, or looks find it at once.
    Nothing,
    /// Those that are there and of which the function says so.
    Of(fn(&[u8]) -> bool),
    /// Any, and new ones come.
    Everything,
}

/// A function that gives the name of the interface that an object concerns, from its payload.
pub type InterfaceName = fn(&[u8]) -> Option<&[u8]>;

/// A function that adds to an object's key, from its payload and its attributes.
pub type WriteKey = fn(&mut ObjectKey, &[u8], &[u8]);

/// A function that gives the number of the routing table that an object is in or points to, from its payload.
pub type RouteTable = fn(&[u8]) -> Option<u32>;

/// A function that gives the payloads of the objects in a row.
pub type Singles = fn(&[u8]) -> Vec<Vec<u8>>;

/// Indices of interfaces.
pub type Interfaces = SmallVec<[u32; 4]>;

/// Both sides of a change, as payloads.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What it was, where it was known.
    pub old: Option<&'a [u8]>,
    /// What it is, where it is there now.
    pub new: Option<&'a [u8]>,
    /// What the kernel sent.
    pub message: &'a [u8],
}

impl Kind {
    /// Whether it is that table, and no other one: tables are told apart by their address.
    pub fn is(&self, other: &Kind) -> bool {
        std::ptr::eq(self, other)
    }

    /// The context of a message of this kind, from its payload: family header and attributes.
    pub fn context<'a>(&self, payload: &'a [u8], links: &'a dyn Links) -> Context<'a> {
        let (header, message) = payload.split_at(self.header.attributes_at(payload).min(payload.len()));
        Context::new(header, message, links)
    }

    /// The attributes of a payload, behind the kind's header.
    pub fn attributes<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        payload.get(self.header.attributes_at(payload)..).unwrap_or_default()
    }

    /// The one interface that an object concerns.
    pub fn interface_of(&self, payload: &[u8]) -> Option<u32> {
        let index = match self.interface {
            Interface::None => None,
            Interface::Only => match self.hooks.interfaces.map(|interfaces| interfaces(payload)).as_deref() {
                Some(&[only]) => Some(only),
                _ => None,
            },
            Interface::Header(at) => wire::u32_at(payload, at),
            Interface::Attribute(number) => wire::attribute_u32(self.attributes(payload), number),
            Interface::Nested(nest, number) => {
                wire::attribute(self.attributes(payload), nest).and_then(|set| wire::attribute_u32(set, number))
            }
        };
        // NETCONFA_IFINDEX_ALL and the like are negative, and so is TCM_IFINDEX_MAGIC_BLOCK, a block of filters.
        index.filter(|&index| index as i32 > 0)
    }

    /// Every interface that an object concerns: of a route of several legs, each leg's.
    pub fn interfaces_of(&self, payload: &[u8]) -> Interfaces {
        match self.hooks.interfaces {
            Some(interfaces) => interfaces(payload),
            None => self.interface_of(payload).into_iter().collect(),
        }
    }

    /// The routing table that an object is in or points to, where its kind has such.
    pub fn route_table_of(&self, payload: &[u8]) -> Option<u32> {
        self.hooks.route_table.and_then(|route_table| route_table(payload))
    }

    /// The signals of a change.
    pub fn signals_of(&self, sides: &Sides<'_>) -> Signals {
        self.hooks.signals.map(|signals| signals(sides)).unwrap_or_default()
    }

    /// How much an event matters: as much as its kind's rows or its signals say, whichever is more.
    pub fn severity_of(&self, action: Action, object: &[u8], signals: Signals) -> Severity {
        let row = self.hooks.severity.iter().find(|row| row.holds.is_none_or(|holds| holds(action, object)));
        row.map_or(Severity::Info, |row| row.severity).max(signals.severity())
    }

    /// The address family that an object is of.
    pub fn family_of(&self, payload: &[u8]) -> u8 {
        match self.hooks.family {
            Some(family) => family(payload),
            None => payload.first().copied().unwrap_or_default(),
        }
    }

    /// Whether a row of a dump is an object of this kind.
    pub fn is_object(&self, payload: &[u8]) -> bool {
        self.hooks.is_object.is_none_or(|is_object| is_object(payload))
    }

    /// Whether an object is one that the kernel makes for itself and never tells of.
    pub fn is_kernels_own(&self, payload: &[u8]) -> bool {
        self.hooks.is_kernels_own.is_some_and(|is_kernels_own| is_kernels_own(payload))
    }

    /// Whether an object changes with nothing near it that is told.
    pub fn changes_untold(&self, payload: &[u8]) -> bool {
        match self.hooks.untold {
            Untold::Nothing => false,
            Untold::Of(changes) => changes(payload),
            Untold::Everything => true,
        }
    }

    /// Whether the kernel tells nothing of its objects, so that they are followed where the user says how often they are looked at.
    pub fn is_only_looked_at(&self) -> bool {
        self.hooks.polled != Polled::No && matches!(self.hooks.untold, Untold::Everything)
    }

    /// Whether dumps of this kind show the object.
    pub fn is_dumped(&self, payload: &[u8]) -> bool {
        self.hooks.is_dumped.is_none_or(|is_dumped| is_dumped(payload))
    }
}

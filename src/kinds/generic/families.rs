//! Which family has which number and groups now, and how its messages become those of the tables.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::{self, Strings};
use super::other::{BODY, FAMILY_ID, FAMILY_NAME, TYPES};
use super::types::{self, GETPOLICY, Types};
use super::wireguard::{self, parts::Parts};
use super::{ETHTOOL, FAMILIES, FLOODS, GENLMSGHDR, NLCTRL, OTHER, WIREGUARD};
use super::{family_and_command, message, unknown};
use crate::kinds::{KindIndex, of_message};
use crate::netlink::dump::Request;
use crate::netlink::wire::{self, Header, append_attribute, append_message, attribute, attributes, u16_at, u32_at};

/// `GENL_ID_CTRL`.
pub(super) const NLCTRL_ID: u16 = 16;
/// `CTRL_CMD_NEWFAMILY`, `_DELFAMILY`, `_GETFAMILY`, `_NEWMCAST_GRP` and `_DELMCAST_GRP`.
const NEWFAMILY: u8 = 1;
const DELFAMILY: u8 = 2;
const GETFAMILY: u8 = 3;
const NEWMCAST_GRP: u8 = 7;
const DELMCAST_GRP: u8 = 8;
/// `ETHTOOL_MSG_STRSET_GET`.
const STRSET_GET: u8 = 1;
/// `CTRL_ATTR_FAMILY_ID`, `_FAMILY_NAME` and `_MCAST_GROUPS`.
const CTRL_FAMILY_ID: u16 = 1;
const CTRL_FAMILY_NAME: u16 = 2;
const CTRL_MCAST_GROUPS: u16 = 7;
/// `CTRL_ATTR_MCAST_GRP_NAME` and `_ID`.
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;

/// What is known of generic netlink's families, from nlctrl's messages.
#[derive(Debug, Default)]
pub struct Families {
    by_id: BTreeMap<u16, Family>,
    strings: Strings,
    /// What WireGuard's next message may go on with.
    parts: Parts,
    /// Something of it has changed, which was not asked for yet.
    changed: bool,
}

/// Families that were known.
#[derive(Debug)]
pub struct KnownFamilies(BTreeMap<u16, Family>);

#[derive(Debug, Default)]
struct Family {
    name: String,
    /// Groups by their numbers.
    groups: BTreeMap<u32, String>,
    /// Of one without tables: what its attributes are.
    types: Types,
}

fn text(set: &[u8], number: u16) -> Option<String> {
    let text = attribute(set, number)?;
    let end = text.iter().position(|octet| *octet == 0).unwrap_or(text.len());
    Some(String::from_utf8_lossy(&text[..end]).into_owned())
}

/// Whether a type is one of a kind's.
fn has_table(message_type: u16) -> bool {
    of_message(message_type, 0).is_some()
}

/// A message of a family, or a command, that has no table.
fn append_other(header: Header, payload: &[u8], family: &Family, out: &mut Vec<u8>) {
    let (head, body) = payload.split_at(payload.len().min(4));
    let mut payload = head.to_vec();
    append_attribute(&mut payload, FAMILY_NAME, family.name.as_bytes());
    append_attribute(&mut payload, FAMILY_ID, &header.kind.to_ne_bytes());
    append_attribute(&mut payload, BODY, body);
    append_attribute(&mut payload, TYPES, &family.types.octets());
    append_message(out, Header { kind: message(OTHER, 0), ..header }, &payload);
}

impl Families {
    /// What is asked before anything can be read: which families there are, in the kernel's own numbers, and then the strings that name
    /// ethtool's bits, in those of the tables.
    pub fn questions() -> [Request; 2] {
        let families = Request { message_type: NLCTRL_ID, body: vec![GETFAMILY, 2, 0, 0], one: false };
        let message_type = message(ETHTOOL, STRSET_GET);
        [families, Request { message_type, body: bits::question(STRSET_GET), one: true }]
    }

    /// What is asked then, of families without tables: what their attributes are.
    pub fn questions_of_types(&self) -> Vec<Request> {
        let has_tables = |family: &Family| FAMILIES.iter().any(|known| known.name == family.name);
        let is_told = |family: &Family| !family.groups.is_empty() && !FLOODS.contains(&&*family.name);
        let others = self.by_id.iter().filter(|(_, family)| is_told(family) && !has_tables(family));
        others.map(|(id, _)| types::question(*id)).collect()
    }

    /// Whether any family is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether something was learned since the last time that this was asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn id_of(&self, place: usize) -> Option<u16> {
        if place == NLCTRL {
            return Some(NLCTRL_ID);
        }
        let name = FAMILIES.get(place)?.name;
        self.by_id.iter().find(|(_, family)| family.name == name).map(|(id, _)| *id)
    }

    /// The numbers of the groups that tell of some kinds, as far as their families are there.
    pub fn groups(&self, kinds: &[KindIndex]) -> BTreeSet<u32> {
        let places: BTreeSet<usize> = kinds.iter().map(|kind| family_and_command(kind.table().new).0).collect();
        let is_wanted = |family: &str, group: &str| match FAMILIES.iter().position(|known| known.name == family) {
            Some(place) => places.contains(&place) && FAMILIES[place].groups.contains(&group),
            None => places.contains(&OTHER) && !FLOODS.contains(&family),
        };
        let all =
            self.by_id.values().flat_map(|family| family.groups.iter().map(|(id, group)| (&family.name, *id, group)));
        let wanted = all.filter(|(family, _, group)| is_wanted(family, group)).map(|(_, id, _)| id);
        // nlctrl's own group brings the others.
        wanted.chain([u32::from(NLCTRL_ID)]).collect()
    }

    /// The name of a group and of its family.
    pub fn group_name(&self, group: u32) -> Option<String> {
        let mut all = self.by_id.values().filter_map(|family| Some((family.groups.get(&group)?, &family.name)));
        all.next().map(|(group, family)| format!("{group} ({family})"))
    }

    /// A request as the kernel wants it; none where it does not have the family.
    pub fn request(&self, request: Request) -> Option<Request> {
        let (place, command) = family_and_command(request.message_type);
        let mut body = request.body;
        *body.first_mut()? = command;
        Some(Request { message_type: self.id_of(place)?, body, ..request })
    }

    /// Turns a datagram into messages as the tables read them, and learns from it.
    pub fn adapt(&mut self, datagram: &[u8], out: &mut Vec<u8>) {
        let mut messages = wire::messages(datagram);
        for found in messages.by_ref() {
            if found.header.kind < wire::NLMSG_MIN_TYPE {
                self.rest(out);
                append_message(out, found.header, found.payload);
                continue;
            }
            self.adapt_message(found.header, found.payload, out);
        }
        // What was cut off is told as such.
        let at = out.len();
        out.extend_from_slice(messages.rest());
        if let Some(id) = u16_at(out, at + 4).filter(|&id| id >= wire::NLMSG_MIN_TYPE) {
            out[at + 4..at + 6].copy_from_slice(&unknown(id).to_ne_bytes());
        }
    }

    /// Forgets which families there are, and gives them back: they are asked for anew.
    pub fn forget(&mut self) -> KnownFamilies {
        self.changed = true;
        KnownFamilies(std::mem::take(&mut self.by_id))
    }

    /// Knows them again: nobody has answered.
    pub fn remember(&mut self, known: KnownFamilies) {
        self.by_id = known.0;
    }

    /// Those of some kinds that a group's family tells of.
    pub fn told_by(&self, group: u32, kinds: &[KindIndex]) -> Vec<KindIndex> {
        let of_group = self.by_id.values().find(|family| family.groups.contains_key(&group));
        let place = of_group.and_then(|family| FAMILIES.iter().position(|known| known.name == family.name));
        let is_of = |kind: &KindIndex| {
            Some(family_and_command(kind.table().new).0) == place && !kind.table().is_only_looked_at()
        };
        kinds.iter().copied().filter(is_of).collect()
    }

    /// Appends what nothing more comes of: a dump has ended.
    pub fn rest(&mut self, out: &mut Vec<u8>) {
        self.parts.end(out);
    }

    fn adapt_message(&mut self, header: Header, payload: &[u8], out: &mut Vec<u8>) {
        let id = header.kind;
        let (command, body) = (payload.first().copied().unwrap_or_default(), payload.get(4..).unwrap_or_default());
        if id == NLCTRL_ID {
            self.learn(command, body);
            return match command {
                GETPOLICY => {}
                NEWMCAST_GRP | DELMCAST_GRP => self.append_groups(header, body, out),
                _ => append_message(out, Header { kind: message(NLCTRL, command), ..header }, payload),
            };
        }
        let is_answer = header.flags & wire::NLM_F_REQUEST == 0;
        if is_answer && self.by_id.get(&id).is_some_and(|family| family.name == FAMILIES[ETHTOOL].name) {
            // Names are no object of their own.
            if self.strings.learn(command, body) {
                return;
            }
        }
        // Without its header nobody knows what a message is.
        let Some(family) = self.by_id.get(&id).filter(|_| payload.len() >= GENLMSGHDR.bytes) else {
            return append_message(out, Header { kind: unknown(id), ..header }, payload);
        };
        match FAMILIES.iter().position(|known| known.name == family.name) {
            Some(ETHTOOL) if is_answer && has_table(message(ETHTOOL, command)) => {
                let mut payload = payload.get(..4).unwrap_or_default().to_vec();
                self.strings.expand(command, body, &mut payload);
                append_message(out, Header { kind: message(ETHTOOL, command), ..header }, &payload);
            }
            Some(WIREGUARD) if is_answer && command == wireguard::GET_DEVICE => self.parts.take(header, payload, out),
            Some(place) if is_answer && (FAMILIES[place].take_apart)(header, command, payload, out) => {}
            Some(place) => {
                let command = (FAMILIES[place].command)(command, body);
                if has_table(message(place, command)) {
                    return append_message(out, Header { kind: message(place, command), ..header }, payload);
                }
                append_other(header, payload, family, out);
            }
            None => append_other(header, payload, family, out),
        }
    }

    /// A group that has come or gone, as its family with all groups.
    fn append_groups(&self, header: Header, body: &[u8], out: &mut Vec<u8>) {
        let id = attribute(body, CTRL_FAMILY_ID).unwrap_or_default();
        let family = u16_at(id, 0).and_then(|id| self.by_id.get(&id));
        let mut groups = Vec::new();
        for (place, (number, name)) in family.iter().flat_map(|family| &family.groups).enumerate() {
            let mut group = Vec::new();
            append_attribute(&mut group, GROUP_ID, &number.to_ne_bytes());
            append_attribute(&mut group, GROUP_NAME, format!("{name}\0").as_bytes());
            append_attribute(&mut groups, place as u16 + 1, &group);
        }
        let mut payload = vec![NEWFAMILY, 2, 0, 0];
        append_attribute(&mut payload, CTRL_FAMILY_ID, id);
        append_attribute(&mut payload, CTRL_FAMILY_NAME, attribute(body, CTRL_FAMILY_NAME).unwrap_or_default());
        append_attribute(&mut payload, CTRL_MCAST_GROUPS, &groups);
        append_message(out, Header { kind: message(NLCTRL, NEWFAMILY), ..header }, &payload);
    }

    /// Takes in a message of nlctrl's.
    fn learn(&mut self, command: u8, body: &[u8]) {
        let Some(id) = attribute(body, CTRL_FAMILY_ID).and_then(|id| u16_at(id, 0)) else { return };
        if command == GETPOLICY {
            self.by_id.entry(id).or_default().types.learn(body);
            return;
        }
        self.changed = true;
        if command == DELFAMILY {
            self.by_id.remove(&id);
            return;
        }
        let family = self.by_id.entry(id).or_default();
        if let Some(name) = text(body, CTRL_FAMILY_NAME) {
            family.name = name;
        }
        for group in attributes(attribute(body, CTRL_MCAST_GROUPS).unwrap_or_default()) {
            let Some(number) = attribute(group.payload, GROUP_ID).and_then(|number| u32_at(number, 0)) else {
                continue;
            };
            if command == DELMCAST_GRP {
                family.groups.remove(&number);
            } else {
                family.groups.insert(number, text(group.payload, GROUP_NAME).unwrap_or_default());
            }
        }
    }
}

//! What the attributes of a family without tables are: nlctrl says which types the family takes (`CTRL_CMD_GETPOLICY`), and most families tell
//! what they take. `NL_POLICY_TYPE_ATTR_*`, `NL_ATTR_TYPE_*`: `linux/netlink.h`.
//!
//! The types go with each message, behind its octets, as rows of numbers: a policy, an attribute, its type, and the policy of what is nested in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::netlink::dump::Request;
use crate::netlink::wire::{append_attribute, attribute, attribute_u32, attributes, u16_at};

/// `CTRL_CMD_GETPOLICY`, the question and the answer.
pub const GETPOLICY: u8 = 10;
/// `CTRL_ATTR_FAMILY_ID`, `_POLICY`, and `_OP_POLICY`, with `CTRL_ATTR_POLICY_DO` and `_DUMP`.
const FAMILY_ID: u16 = 1;
const POLICY: u16 = 8;
const OP_POLICY: u16 = 9;
const OF_OPERATION: [u16; 2] = [1, 2];
/// `NL_POLICY_TYPE_ATTR_TYPE` and `_POLICY_IDX`.
const TYPE: u16 = 1;
const INSIDE: u16 = 8;
/// Of one family so many attributes are known at most.
const ATTRIBUTES_MAX: usize = 512;

/// The policy of a message itself: what those of all operations agree on.
pub const MESSAGE: u16 = u16::MAX;

/// What an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed {
    /// `NL_ATTR_TYPE_*`.
    pub kind: u16,
    /// The policy of what is nested in it.
    pub inside: u16,
}

/// What a family's attributes are.
#[derive(Debug, Default)]
pub struct Types {
    /// By policy and attribute.
    rows: BTreeMap<(u16, u16), Typed>,
    /// The policies of operations; where none is named, the first one is that of all.
    of_operations: BTreeSet<u16>,
}

/// Asks for a family's types.
pub fn question(family: u16) -> Request {
    let mut body = vec![GETPOLICY, 2, 0, 0];
    append_attribute(&mut body, FAMILY_ID, &family.to_ne_bytes());
    Request { message_type: super::families::NLCTRL_ID, body, one: false }
}

impl Types {
    /// Takes in an answer, without its header.
    pub fn learn(&mut self, answer: &[u8]) {
        for policy in attributes(attribute(answer, POLICY).unwrap_or_default()) {
            for of in attributes(policy.payload) {
                let Some(kind) = attribute_u32(of.payload, TYPE) else { continue };
                let inside = attribute_u32(of.payload, INSIDE).unwrap_or(u32::from(MESSAGE));
                if self.rows.len() < ATTRIBUTES_MAX {
                    let typed = Typed { kind: kind as u16, inside: inside as u16 };
                    self.rows.insert((policy.number, of.number), typed);
                }
            }
        }
        for operation in attributes(attribute(answer, OP_POLICY).unwrap_or_default()) {
            let policies = OF_OPERATION.iter().filter_map(|number| attribute_u32(operation.payload, *number));
            self.of_operations.extend(policies.map(|policy| policy as u16));
        }
    }

    /// The rows as octets, with those of a message itself.
    pub fn octets(&self) -> Vec<u8> {
        let first = BTreeSet::from([0]);
        let top = if self.of_operations.is_empty() { &first } else { &self.of_operations };
        let mut of_message: BTreeMap<u16, Option<Typed>> = BTreeMap::new();
        for (&(_, number), &typed) in self.rows.iter().filter(|((policy, _), _)| top.contains(policy)) {
            let agreed = of_message.entry(number).or_insert(Some(typed));
            *agreed = agreed.filter(|agreed| agreed.kind == typed.kind);
        }
        let of_message = of_message.into_iter().filter_map(|(number, typed)| Some(((MESSAGE, number), typed?)));
        let rows = of_message.chain(self.rows.iter().map(|(key, typed)| (*key, *typed)));
        rows.flat_map(|((policy, number), Typed { kind, inside })| [policy, number, kind, inside])
            .flat_map(u16::to_ne_bytes)
            .collect()
    }
}

/// What an attribute of a policy is, by rows as octets.
pub fn find(rows: &[u8], policy: u16, number: u16) -> Option<Typed> {
    let at = |row: &[u8], place: usize| u16_at(row, 2 * place).unwrap_or_default();
    let row = rows.chunks_exact(8).find(|row| at(row, 0) == policy && at(row, 1) == number)?;
    Some(Typed { kind: at(row, 2), inside: at(row, 3) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut nest = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut nest, *number, value));
        nest
    }

    #[test]
    fn what_operations_agree_on_is_the_messages_and_what_is_nested_has_its_own() {
        let number = |number: u32| number.to_ne_bytes();
        let of = |policy: u16, attribute: u16, typed: &[u8]| {
            nest(&[(POLICY, &nest(&[(policy, &nest(&[(attribute, typed)]))]))])
        };
        let typed = |kind: u32| nest(&[(TYPE, &number(kind))]);
        let mut types = Types::default();
        // Before anything is known of operations, the first policy is that of all.
        types.learn(&of(0, 1, &typed(4)));
        assert_eq!(find(&types.octets(), MESSAGE, 1), Some(Typed { kind: 4, inside: MESSAGE }));
        types.learn(&of(0, 2, &nest(&[(TYPE, &number(13)), (INSIDE, &number(2))])));
        types.learn(&of(1, 1, &typed(11)));
        types.learn(&of(2, 7, &typed(12)));
        let operation = |policies: [u32; 2]| nest(&[(1, &number(policies[0])), (2, &number(policies[1]))]);
        types.learn(&nest(&[(OP_POLICY, &nest(&[(5, &operation([0, 1]))]))]));
        let rows = types.octets();
        assert_eq!(find(&rows, MESSAGE, 1), None, "they do not agree");
        let inside = find(&rows, MESSAGE, 2).unwrap();
        assert_eq!((inside.kind, inside.inside), (13, 2));
        assert_eq!(find(&rows, inside.inside, 7), Some(Typed { kind: 12, inside: MESSAGE }));
        assert_eq!(find(&rows, inside.inside, 8), None);
    }
}

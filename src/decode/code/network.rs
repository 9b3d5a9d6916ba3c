//! Values of addresses, routes, rules, neighbours and nexthops.

use super::links;
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Names, Scalar, Wrong};
use crate::decode::value::{
    any_unsigned, name_of, unsigned, write_bits, write_ip, write_link, write_named, write_named_id,
};
use crate::decode::walk::write_set;
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::{addr, names, neigh, route, rule};
use crate::netlink::wire::{align, attribute_u32, u16_at, u32_at};

const AF_INET6: u8 = 10;
const AF_MPLS: u8 = 28;
const AF_PACKET: u8 = 17;

/// A lifetime that never ends, `INFINITY_LIFE_TIME`.
const FOR_EVER: u32 = u32::MAX;
/// The kernel's time unit towards users, `USER_HZ`: so many in a second.
const USER_HZ: u64 = 100;

fn number(payload: &[u8]) -> Result<u64, Wrong> {
    any_unsigned(payload)
}

// Any kind -----------------------------------------------------------------------------------------------------------

fn write_nonzero(out: &mut Json, key: &str, value: u64) {
    if value != 0 {
        out.key(key);
        out.unsigned(value);
    }
}

/// A time in 1/100 s as whole seconds.
pub fn centiseconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(number(payload)? / USER_HZ);
    Ok(())
}

/// A time in 1/100 s as seconds with their fraction.
pub fn seconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let time = number(payload)?;
    if time % USER_HZ == 0 {
        out.unsigned(time / USER_HZ);
    } else {
        out.float(time as f64 / USER_HZ as f64);
    }
    Ok(())
}

/// A number in units of 1/8.
pub fn eighths(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(number(payload)? / 8);
    Ok(())
}

/// A number in units of 1/4.
pub fn quarters(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(number(payload)? / 4);
    Ok(())
}

/// Realms of a route: the upper half is the source's.
pub fn realms(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let realms = number(payload)?;
    out.begin_object();
    if realms >> 16 != 0 {
        realm(out, const { &Key::new("from") }, realms >> 16);
    }
    realm(out, const { &Key::new("to") }, realms & 0xffff);
    out.end_object();
    Ok(())
}

fn realm(out: &mut Json, key: &Key, number: u64) {
    write_named_id(out, key, names::REALMS, number);
}

/// An MPLS label stack: `100/200`.
pub fn label_stack(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.is_empty() || !payload.len().is_multiple_of(4) {
        return Err(Wrong::Because("not a whole number of labels"));
    }
    out.begin_string();
    for (index, entry) in payload.chunks_exact(4).enumerate() {
        if index > 0 {
            out.continue_string("/");
        }
        out.continue_unsigned(unsigned(Scalar::U32Be, entry)? >> 12);
    }
    out.end_string();
    Ok(())
}

/// An address of a family.
fn write_address(out: &mut Json, context: &Context<'_>, family: u8, payload: &[u8]) -> Decoded {
    match (family, payload.len()) {
        (AF_MPLS, _) => label_stack(out, context, payload),
        (AF_PACKET, _) => {
            out.hardware(payload);
            Ok(())
        }
        (_, 4 | 16) => write_ip(out, payload),
        _ => Err(Wrong::Because("not an address of its family")),
    }
}

/// A prefix: the address, and the length where it is not the address's own.
fn write_prefix(out: &mut Json, context: &Context<'_>, address: &[u8], length: u8) -> Decoded {
    let bits = match context.family() {
        AF_MPLS => 20,
        _ => address.len() * 8,
    };
    if usize::from(length) == bits {
        return write_address(out, context, context.family(), address);
    }
    out.begin_string();
    match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
        (Ok(ipv4), _) => out.push_ipv4(ipv4),
        (_, Ok(ipv6)) => out.continue_display(std::net::Ipv6Addr::from(ipv6)),
        _ => return Err(Wrong::Because("not an address of its family")),
    }
    out.continue_string("/");
    out.continue_unsigned(length.into());
    out.end_string();
    Ok(())
}

// Addresses ----------------------------------------------------------------------------------------------------------

/// `IFA_ADDRESS`: the address itself, unless `IFA_LOCAL` is that; then the peer's, where it differs.
pub fn addr_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match context.sibling(addr::IFA_LOCAL) {
        Some(local) if local == payload => return Ok(()),
        Some(_) => out.key("address"),
        None => out.key("local"),
    }
    write_ip(out, payload)
}

/// The header's flags, where the kernel is too old for `IFA_FLAGS`.
pub fn addr_header_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(addr::IFA_FLAGS).is_some() { Ok(()) } else { addr_flags(out, context, payload) }
}

/// `IFA_FLAGS`: each a member that is true, as `ip` has them.
pub fn addr_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = number(payload)?;
    if flags & 1 != 0 {
        let ipv6 = context.family() == AF_INET6;
        write_true(out, if ipv6 { "temporary" } else { "secondary" });
    }
    write_true_members(out, addr::ADDRESS_FLAGS, flags & !0x81);
    if flags & 0x80 == 0 {
        write_true(out, "dynamic");
    }
    Ok(())
}

fn write_true(out: &mut Json, key: &str) {
    out.key(key);
    out.bool(true);
}

/// A member that is true for each bit; bits without a name in `other_flags`.
fn write_true_members(out: &mut Json, names: &'static Names, bits: u64) {
    let mut rest = bits;
    for (mask, name) in names {
        if rest & mask != 0 {
            rest &= !mask;
            write_true(out, name);
        }
    }
    if rest != 0 {
        out.key("other_flags");
        out.display(format_args!("0x{rest:x}"));
    }
}

/// `struct ifa_cacheinfo`: lifetimes in seconds; when it was made and changed, in 1/100 s since the machine started.
pub fn addr_cache_info(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |offset| u32_at(payload, offset).ok_or(Wrong::Length(16));
    for (key, offset) in [("valid_life_time", 4), ("preferred_life_time", 0)] {
        let lifetime = at(offset)?;
        out.key(key);
        // Only whether it ends at all counts as a change.
        let counts = if context.comparing && lifetime != FOR_EVER { 0 } else { lifetime };
        out.unsigned(counts.into());
    }
    if !context.comparing {
        for (key, offset) in [("cstamp", 8), ("tstamp", 12)] {
            out.key(key);
            out.unsigned(at(offset)?.into());
        }
    }
    Ok(())
}

// Routes -------------------------------------------------------------------------------------------------------------

/// The destination: `default`, an address or a prefix.
pub fn route_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = payload.first().copied().unwrap_or_default();
    out.member(const { &Key::new("dst") });
    match context.sibling(route::RTA_DST) {
        Some(address) => write_prefix(out, context, address, length),
        None if length == 0 => {
            out.string("default");
            Ok(())
        }
        None => {
            out.display(format_args!("0/{length}"));
            Ok(())
        }
    }
}

/// The source prefix of an IPv6 route, where it has one.
pub fn route_source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = payload.first().copied().unwrap_or_default();
    match context.sibling(route::RTA_SRC) {
        Some(address) => {
            out.key("from");
            write_prefix(out, context, address, length)
        }
        None => Ok(()),
    }
}

/// `struct rta_cacheinfo`: times in 1/100 s, printed in seconds; only what is not 0.
pub fn route_cache_info(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |offset| u32_at(payload, offset).ok_or(Wrong::Length(32));
    write_nonzero(out, "error", at(12)?.into());
    if context.comparing {
        return Ok(());
    }
    let expires = at(8)? as i32;
    if expires != 0 {
        out.key("expires");
        out.signed((expires / USER_HZ as i32).into());
    }
    write_nonzero(out, "users", at(0)?.into());
    write_nonzero(out, "age", u64::from(at(4)?) / USER_HZ);
    write_nonzero(out, "used", at(16)?.into());
    write_nonzero(out, "ipid", at(20)?.into());
    write_nonzero(out, "ts", at(24)?.into());
    write_nonzero(out, "tsage", at(28)?.into());
    Ok(())
}

/// `RTA_METRICS`: a list with one object, as `ip` has it.
pub fn route_metrics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    out.begin_object();
    write_set(out, &context.inside(payload), &route::METRICS, payload);
    out.end_object();
    out.end_list();
    Ok(())
}

/// `RTAX_FEATURES`: each a member that is true.
pub fn metric_features(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_true_members(out, route::METRIC_FEATURES, number(payload)?);
    Ok(())
}

/// `RTA_VIA`: a family (two octets) and an address of it.
pub fn via(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let family = u16_at(payload, 0).ok_or(Wrong::Short(2))?;
    let family = u8::try_from(family).map_err(|_| Wrong::Because("a family above 255"))?;
    out.begin_object();
    out.key("family");
    match family {
        AF_PACKET => out.string("link"),
        _ => match name_of(names::FAMILIES, family.into()) {
            Some(name) => out.string(name),
            None => out.unsigned(family.into()),
        },
    }
    out.key("host");
    write_address(out, context, family, &payload[2..])?;
    out.end_object();
    Ok(())
}

/// `RTA_NEWDST`: what the destination becomes, of the route's family.
pub fn new_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, context, context.family(), payload)
}

/// One `struct rtnexthop`.
#[derive(Clone, Copy)]
pub struct Leg<'a> {
    /// `rtnh_flags`.
    pub flags: u8,
    /// `rtnh_hops`: the weight less one.
    pub hops: u8,
    /// `rtnh_ifindex`.
    pub ifindex: u32,
    /// Its attributes.
    pub attributes: &'a [u8],
    /// All of it, header included, without padding.
    pub bytes: &'a [u8],
}

/// Octets of `struct rtnexthop`.
pub const LEG_HEADER_BYTES: usize = 8;

/// The legs of `RTA_MULTIPATH`. It ends where a length is wrong; then `rest` is not empty.
pub struct Legs<'a> {
    /// What is not read yet.
    pub rest: &'a [u8],
}

impl<'a> Iterator for Legs<'a> {
    type Item = Leg<'a>;

    fn next(&mut self) -> Option<Leg<'a>> {
        let length = usize::from(u16_at(self.rest, 0)?);
        if length < LEG_HEADER_BYTES || length > self.rest.len() {
            return None;
        }
        let bytes = &self.rest[..length];
        self.rest = &self.rest[align(length).min(self.rest.len())..];
        Some(Leg {
            flags: bytes[2],
            hops: bytes[3],
            ifindex: u32_at(bytes, 4)?,
            attributes: &bytes[LEG_HEADER_BYTES..],
            bytes,
        })
    }
}

/// `RTA_MULTIPATH`: a list of legs.
pub fn route_legs(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut legs = Legs { rest: payload };
    out.begin_list();
    for leg in legs.by_ref() {
        out.begin_object();
        write_set(out, &context.inside(leg.attributes), &route::LEG_ATTRIBUTES, leg.attributes);
        out.key("dev");
        write_link(out, context, leg.ifindex);
        out.key("weight");
        out.unsigned(u64::from(leg.hops) + 1);
        out.key("flags");
        write_bits(out, names::ROUTE_FLAGS, leg.flags.into());
        out.end_object();
    }
    if !legs.rest.is_empty() {
        return Err(Wrong::Because("a leg's length is wrong"));
    }
    out.end_list();
    Ok(())
}

// Rules --------------------------------------------------------------------------------------------------------------

/// The priority: 0 where the kernel leaves it out.
pub fn rule_priority(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    out.key("priority");
    out.unsigned(attribute_u32(context.message, rule::FRA_PRIORITY).unwrap_or_default().into());
    Ok(())
}

fn rule_address(out: &mut Json, context: &Context<'_>, attribute: u16, keys: (&str, &str), length: &[u8]) -> Decoded {
    let length = length.first().copied().unwrap_or_default();
    if let Some(address) = context.sibling(attribute) {
        out.key(keys.0);
        write_ip(out, address)?;
        if usize::from(length) != address.len() * 8 {
            out.key(keys.1);
            out.unsigned(length.into());
        }
    } else if length != 0 {
        out.key(keys.0);
        out.string("0");
        out.key(keys.1);
        out.unsigned(length.into());
    } else if attribute == rule::FRA_SRC {
        out.key(keys.0);
        out.string("all");
    }
    Ok(())
}

/// The source: `all` where there is none.
pub fn rule_source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    rule_address(out, context, rule::FRA_SRC, ("src", "srclen"), payload)
}

/// The destination, where there is one.
pub fn rule_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    rule_address(out, context, rule::FRA_DST, ("dst", "dstlen"), payload)
}

/// The table: `FRA_TABLE`, which holds more than the header's octet.
pub fn rule_table(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let header = payload.first().copied().unwrap_or_default().into();
    let table = attribute_u32(context.message, rule::FRA_TABLE).unwrap_or(header);
    if table != 0 {
        write_named_id(out, const { &Key::new("table") }, names::TABLES, table.into());
    }
    Ok(())
}

/// `FR_ACT_*`, where it is not a look-up; a jump is told by its `goto`.
pub fn rule_action(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match payload.first().copied().unwrap_or_default() {
        0..=2 => {}
        3 => write_true(out, "nop"),
        10 => write_true(out, "masquerade"),
        action => {
            out.key("action");
            match name_of(rule::ACTIONS, action.into()) {
                Some(name) => out.string(name),
                None => out.unsigned(action.into()),
            }
        }
    }
    Ok(())
}

/// `FIB_RULE_*`: each a member that is true.
pub fn rule_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_true_members(out, rule::FLAGS, number(payload)?);
    Ok(())
}

/// `FRA_FLOW`.
pub fn rule_realms(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let realms = number(payload)?;
    if realms >> 16 != 0 {
        realm(out, const { &Key::new("flow_from") }, realms >> 16);
    }
    realm(out, const { &Key::new("flow_to") }, realms & 0xffff);
    Ok(())
}

/// `FRA_FWMASK`, where it does not mean all bits.
pub fn rule_mask(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mask = number(payload)?;
    if mask != 0xffff_ffff {
        out.key("fwmask");
        out.unsigned(mask);
    }
    Ok(())
}

/// `FRA_SUPPRESS_IFGROUP`; -1 means none.
pub fn suppress_group(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let group = number(payload)?;
    if group != 0xffff_ffff {
        write_named_id(out, const { &Key::new("suppress_ifgroup") }, &[(0, "default")], group);
    }
    Ok(())
}

/// `FRA_SUPPRESS_PREFIXLEN`; -1 means none.
pub fn suppress_length(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = number(payload)?;
    if length != 0xffff_ffff {
        out.key("suppress_prefixlen");
        out.unsigned(length);
    }
    Ok(())
}

/// `FRA_L3MDEV`: a member only when it is set.
pub fn l3mdev(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if number(payload)? != 0 {
        write_true(out, "l3mdev");
    }
    Ok(())
}

fn ports(out: &mut Json, payload: &[u8], keys: [&str; 3]) -> Decoded {
    let at = |offset| u16_at(payload, offset).ok_or(Wrong::Length(4));
    let (start, end) = (at(0)?, at(2)?);
    if start == end {
        out.key(keys[0]);
        out.unsigned(start.into());
    } else {
        out.key(keys[1]);
        out.unsigned(start.into());
        out.key(keys[2]);
        out.unsigned(end.into());
    }
    Ok(())
}

/// `FRA_SPORT_RANGE`.
pub fn source_ports(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    ports(out, payload, ["sport", "sport_start", "sport_end"])
}

/// `FRA_DPORT_RANGE`.
pub fn destination_ports(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    ports(out, payload, ["dport", "dport_start", "dport_end"])
}

// Neighbours ---------------------------------------------------------------------------------------------------------

/// `NUD_*`: a list of one; left out where there is none (a proxy).
pub fn neighbour_state(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let state = number(payload)?;
    if state != 0 {
        out.key("state");
        write_bits(out, neigh::STATES, state);
    }
    Ok(())
}

/// `NTF_*`: each a member that is true.
pub fn neighbour_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_true_members(out, neigh::FLAGS, number(payload)?);
    Ok(())
}

/// `NTF_EXT_*`: each a member that is true.
pub fn neighbour_extended_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_true_members(out, neigh::EXTENDED_FLAGS, number(payload)?);
    Ok(())
}

/// `NDA_DST`: an IP address, or whatever the family has.
pub fn neighbour_address(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if write_ip(out, payload).is_err() {
        out.hardware(payload);
    }
    Ok(())
}

/// `NDA_LLADDR`: on a tunnel, an IP address.
pub fn neighbour_hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = u32_at(context.header, 4).unwrap_or_default();
    links::write_hardware(out, context.links.hardware_type(ifindex), payload);
    Ok(())
}

/// The state of a forwarding database's entry, as `bridge` has it: empty for a learned one.
pub fn fdb_state(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match number(payload)? {
        state if state & 0x80 != 0 => out.string("permanent"),
        state if state & 0x40 != 0 => out.string("static"),
        state if state & 0x04 != 0 => out.string("stale"),
        state if state & 0x02 != 0 || state == 0 => out.string(""),
        state => out.display(format_args!("0x{state:x}")),
    }
    Ok(())
}

/// `NTF_*` and `NTF_EXT_*` of a forwarding database's entry: a list.
pub fn fdb_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let extended = attribute_u32(context.message, 15).unwrap_or_default();
    write_bits(out, neigh::FDB_FLAGS, number(payload)? | u64::from(extended) << 8);
    Ok(())
}

/// `NDA_IFINDEX` of a forwarding database's entry: a name, or a number in another namespace.
pub fn fdb_interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if context.sibling(10).is_some() {
        out.key("viaIfIndex");
        out.unsigned(ifindex.into());
    } else {
        out.key("viaIf");
        write_link(out, context, ifindex);
    }
    Ok(())
}

/// `NFEA_ACTIVITY_NOTIFY`: bits.
pub fn activity(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let bits = number(payload)?;
    if bits & 1 != 0 {
        write_true(out, "activity_notify");
    }
    if bits & 2 != 0 {
        write_true(out, "inactive");
    }
    Ok(())
}

// Nexthops -----------------------------------------------------------------------------------------------------------

/// The family, where there is one.
pub fn family_unless_unspecified(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let family = number(payload)?;
    if family != 0 {
        out.key("family");
        write_named(out, names::FAMILIES, family);
    }
    Ok(())
}

/// The weight of a group's entry: two octets, low and high, of the weight less one.
pub fn group_weight(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let [low, high] = <[u8; 2]>::try_from(payload).map_err(|_| Wrong::Length(2))?;
    out.unsigned(u64::from(u16::from_le_bytes([low, high])) + 1);
    Ok(())
}

/// `NHA_HW_STATS_ENABLE`, and the `NHA_HW_STATS_USED` beside it.
pub fn hardware_statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("hw_stats");
    out.begin_object();
    out.key("enabled");
    out.bool(number(payload)? != 0);
    out.key("used");
    out.bool(context.sibling(17).map(number).transpose()?.unwrap_or_default() != 0);
    out.end_object();
    Ok(())
}

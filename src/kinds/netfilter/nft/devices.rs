//! Devices that chains and flowtables hook into: lists of names, of which a message may speak in part. When devices are added to one
//! or taken from it, the kernel tells of these alone (`nft_trans_chain_hooks`, `nft_trans_flowtable_hooks`).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Kind, Part, Shape, TEXT};
use crate::json::Json;
use crate::netlink::wire::{append_attribute, attribute, attributes};
use crate::octets;

const NFTA_DEVICE_PREFIX: u16 = 2;

/// What [`names`] writes.
pub const SHAPE: &Shape = &Shape::List(TEXT);
/// What [`single`] writes.
pub const SINGLE_PARTS: &[Part] = &[Part::Member("dev", SHAPE)];

/// The names in a list of devices; of a prefix, for all devices whose names begin so, with a `*` behind.
pub fn names(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    for device in attributes(payload) {
        let name = device.payload.split(|&octet| octet == 0).next().unwrap_or_default();
        let star = if device.number == NFTA_DEVICE_PREFIX { "*" } else { "" };
        out.display(format_args!("{}{star}", octets::shown(name)));
    }
    out.end_list();
    Ok(())
}

/// The one device where there is no list beside it, as before Linux 5.5.
pub fn single(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(NFTA_HOOK_DEVS).is_none() {
        out.key("dev");
        out.begin_list();
        out.text(payload);
        out.end_list();
    }
    Ok(())
}

/// Where a kind has its devices.
#[derive(Clone, Copy)]
pub struct Place {
    /// The nest of the hook.
    pub hook: u16,
    /// The list of devices inside it.
    pub devices: u16,
    /// The single device inside it.
    pub device: u16,
}

/// `NFTA_HOOK_DEVS`.
const NFTA_HOOK_DEVS: u16 = 4;

/// What an object is after a message that speaks of some of its devices alone.
pub fn part(kind: &Kind, place: Place, old: &[u8], message: &[u8], removes: bool) -> Option<Vec<u8>> {
    let (before, said) = (devices(kind, place, old)?, devices(kind, place, message)?);
    let is_said = |device: &&(u16, &[u8])| said.contains(device);
    let others: Vec<(u16, &[u8])> = before.iter().filter(|device| !is_said(device)).copied().collect();
    if others.is_empty() {
        // All are gone, or all are said.
        return None;
    }
    let is_new = said.iter().any(|device| !before.contains(device));
    if removes {
        // One that was not known has a new name, which older kernels do not tell: then all are said.
        return (!is_new && !said.is_empty()).then(|| with_devices(kind, place, old, &others));
    }
    is_new.then(|| with_devices(kind, place, message, &[&before[..], &said[..]].concat()))
}

/// The devices of an object, where it has a list of them.
fn devices<'p>(kind: &Kind, place: Place, payload: &'p [u8]) -> Option<Vec<(u16, &'p [u8])>> {
    let list = attribute(attribute(kind.attributes(payload), place.hook)?, place.devices)?;
    Some(attributes(list).map(|device| (device.number, device.payload)).collect())
}

/// The same object with these devices, each once.
fn with_devices(kind: &Kind, place: Place, payload: &[u8], devices: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (at, (number, name)) in devices.iter().enumerate() {
        if !devices[..at].contains(&(*number, name)) {
            append_attribute(&mut list, *number, name);
        }
    }
    let mut whole = payload[..kind.header.bytes].to_vec();
    for found in attributes(kind.attributes(payload)) {
        if found.number != place.hook {
            append_attribute(&mut whole, found.number, found.payload);
            continue;
        }
        let mut hook = Vec::new();
        for inner in attributes(found.payload).filter(|inner| inner.number != place.device) {
            let list = if inner.number == place.devices { &list } else { inner.payload };
            append_attribute(&mut hook, inner.number, list);
        }
        append_attribute(&mut whole, place.hook, &hook);
    }
    whole
}

//! A socket that is subscribed to what some kinds of a protocol need: the kernel is asked for no more than what is wanted, groups are
//! joined, and those that the kernel hands to one program alone are bound.

use std::path::Path;

use crate::decode::schema::Sysctl;
use crate::error::{Error, Result};
use crate::event::Action;
use crate::kinds::KindIndex;
use crate::kinds::adapter::Adapter;
use crate::kinds::protocol::{Listening, Protocol};
use crate::mirror::silence;
use crate::netlink::ask::ask;
use crate::netlink::dump::DumpFailure;
use crate::netlink::socket::{Joined, Socket};

/// Bytes asked for a receive buffer where the user does not say; the kernel takes memory only as it fills.
const RECEIVE_BUFFER_BYTES: usize = 128 << 20;

/// What is wanted of a protocol.
#[derive(Debug)]
pub struct Wanted<'w> {
    /// Its kinds.
    pub kinds: &'w [KindIndex],
    /// Which actions; all where there is none.
    pub actions: &'w [Action],
    /// How much of what it tells of them.
    pub listening: &'w Listening,
    /// Bytes of the receive buffer, where they are not as ever.
    pub receive_buffer_bytes: Option<usize>,
    /// What is done with it, for the words of a refusal: "followed".
    pub done: &'static str,
}

/// What a socket is subscribed to.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The groups that were joined or bound.
    pub groups: Vec<u32>,
    /// Bytes of the receive buffer, as the kernel counts them.
    pub receive_buffer_bytes: usize,
    /// What says how much the kernel tells.
    pub sysctls: Sysctls,
    /// So many notifications the kernel had dropped before it was subscribed to all of it.
    pub drops: u32,
}

/// The settings that say how much the kernel tells, and their values, by kind; those that this kernel does not have are left out.
pub type Sysctls = Vec<(KindIndex, Vec<(&'static Sysctl, u64)>)>;

/// Opens a socket of a protocol, in the namespace of the calling thread, and subscribes it to what is wanted. Calls `learned` with the answers
/// by which messages are read, and `beside` with what comes while groups are bound.
pub fn subscribe(
    adapter: &mut Adapter,
    wanted: &Wanted<'_>,
    learned: impl FnMut(&[u8]),
    mut beside: impl FnMut(&mut Adapter, &[u8]),
) -> Result<(Socket, Subscription)> {
    let protocol = adapter.protocol();
    let kinds = wanted.kinds;
    let mut socket = adapter.open()?;
    if protocol.needs_credentials {
        let passed = socket.pass_credentials();
        passed.map_err(|error| Error::system("cannot ask for the senders' credentials", &error))?;
    }
    let receive_buffer_bytes = socket
        .set_receive_buffer(wanted.receive_buffer_bytes.unwrap_or(RECEIVE_BUFFER_BYTES))
        .map_err(|error| Error::system("cannot set the receive buffer's size", &error))?;
    if let Some(prepare) = protocol.prepare {
        let prepared = prepare(&socket, kinds, wanted.listening);
        prepared.map_err(|error| Error::system("cannot ask the kernel to tell no more than what is wanted", &error))?;
    }
    adapter.learn_from(kinds, learned);
    let mut groups = Vec::new();
    let of_root = protocol.of_root.filter(|_| wanted.listening.of_root);
    let further = adapter.groups(kinds).into_iter().chain(of_root.map(|of_root| of_root.group));
    for group in silence::groups(protocol, kinds, wanted.actions).into_iter().chain(further) {
        match (socket.join(group), protocol.needs) {
            (Ok(Joined::Yes), _) => groups.push(group),
            (Ok(Joined::Denied), Some(capability)) => return Err(denied(kinds, wanted.done, capability)),
            (Ok(Joined::Denied), None) if !adapter.told_by(group, kinds).is_empty() => {
                return Err(denied(&adapter.told_by(group, kinds), wanted.done, "CAP_NET_ADMIN"));
            }
            (Ok(Joined::Denied), None) => {
                let group = adapter.group_name(group).unwrap_or_else(|| group.to_string());
                log::warn!(
                    "this user may not listen to the group {group} of {}: what it tells is missing; run as root, or in \
                     'unshare --user --map-root-user --net'",
                    protocol.name
                );
            }
            (Ok(_), _) => log::debug!("this kernel does not have the group {group} of {}", protocol.name),
            (Err(error), _) => return Err(Error::system(format_args!("cannot join the group {group}"), &error)),
        }
    }
    let drops = socket.drops().unwrap_or_default();
    groups.extend(bind(&socket, protocol, wanted, |datagram| beside(adapter, datagram))?);
    Ok((socket, Subscription { groups, receive_buffer_bytes, sysctls: sysctls(kinds), drops }))
}

/// Binds the groups that are wanted of a protocol whose groups are not joined, and gives them back. Calls `beside` with what comes
/// meanwhile.
fn bind(socket: &Socket, protocol: &Protocol, wanted: &Wanted<'_>, mut beside: impl FnMut(&[u8])) -> Result<Vec<u32>> {
    let Some(binding) = protocol.binding else { return Ok(Vec::new()) };
    let mut groups = Vec::new();
    for (group, request) in (binding.requests)(&wanted.listening.bound) {
        let Err(refused) = ask(socket, &request, &mut beside)? else {
            groups.push(group.into());
            continue;
        };
        // The kernel says EPERM to who may not, and to who comes second.
        let is_refused = |refused: &DumpFailure| matches!(refused.errno, libc::EPERM | libc::EBUSY);
        let may_not = |refused: &DumpFailure| refused.errno == libc::EPERM;
        return Err(match protocol.needs {
            Some(capability)
                if may_not(&refused)
                    && ask(socket, &(binding.probe)(), &mut beside)?.is_err_and(|refused| may_not(&refused)) =>
            {
                denied(wanted.kinds, wanted.done, capability)
            }
            _ if is_refused(&refused) => Error::failed(format_args!(
                "the group {group} of {name} is another program's: the kernel hands it to one alone; end that one (ulogd, another \
                 linkhook; 'ss -f netlink' shows who has a socket), or let the rules log to another group",
                name = protocol.name
            )),
            _ => Error::failed(format_args!("cannot bind the group {group} of {}: {refused}", protocol.name)),
        });
    }
    Ok(groups)
}

/// These kinds cannot be followed, or listed, without that capability.
pub fn denied(kinds: &[KindIndex], what: &str, capability: &str) -> Error {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.table().name).collect();
    Error::usage(format_args!(
        "{} cannot be {what} without {capability} in the network namespace: run as root, or in \
         'unshare --user --map-root-user --net'",
        names.join(", ")
    ))
}

/// The settings of these kinds, in the namespace of the calling thread.
fn sysctls(kinds: &[KindIndex]) -> Sysctls {
    let value = |sysctl: &'static Sysctl| {
        let text = std::fs::read_to_string(Path::new("/proc/sys").join(sysctl.path)).ok()?;
        Some((sysctl, text.trim().parse().ok()?))
    };
    let of = |&kind: &KindIndex| (kind, kind.table().hooks.sysctls.iter().filter_map(value).collect::<Vec<_>>());
    kinds.iter().map(of).filter(|(_, sysctls)| !sysctls.is_empty()).collect()
}

//! Threads: where they are started, and with which capabilities.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::thread::{CapabilitySet, CapabilitySets};

/// Whether threads that are started from here on give up their capabilities.
static CONFINED: AtomicBool = AtomicBool::new(false);

/// By these root reads and writes files of other users, such as a log that belongs to a group of its own. Whoever is not root
/// has none of them.
const FILES: CapabilitySet = CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::DAC_READ_SEARCH);

/// Threads that are started from here on have no capability but those for files: none of them opens a socket of netlink or
/// enters a namespace.
pub fn confine() {
    CONFINED.store(true, Ordering::Relaxed);
}

/// Starts a thread of that name, of which the kernel keeps 15 octets.
pub fn start<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    let name = name.chars().take(15).collect();
    std::thread::Builder::new().name(name).spawn(move || {
        if CONFINED.load(Ordering::Relaxed) && keep(FILES).is_err() {
            log::warn!("a thread could not give up its capabilities");
        }
        run()
    })
}

/// The calling thread gives up every capability but those for files and, where it is needed, the one for the network
/// (CAP_NET_ADMIN): the kernel asks for it at each request, and not when a socket is opened.
pub fn keep_files(and_network: bool) -> io::Result<()> {
    keep(if and_network { FILES | CapabilitySet::NET_ADMIN } else { FILES })
}

/// The calling thread gives up every capability but these, of which it may have none, and the way to get one
/// (capabilities(7)).
pub fn keep(these: CapabilitySet) -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    // What a program that is started may have: nothing. The bounding set takes CAP_SETPCAP; without it the set is of no use any
    // more. The kernel may know more than rustix.
    for capability in 0..64 {
        let Some(capability) = CapabilitySet::from_bits(1 << capability) else { continue };
        if rustix::thread::remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    // Kernels before 4.3 have no ambient set.
    let _ = rustix::thread::clear_ambient_capability_set();
    let kept = rustix::thread::capabilities(None)?.permitted & these;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

//! Namespaces that come and go while others are watched, and those that are gone since linkhook last ran.

use std::time::Instant;

use super::{LoopEnd, Place, WatchLoop, own_telling};
use crate::error::Error;
use crate::event::Origin;
use crate::event::own::{self, Own};
use crate::json::Json;
use crate::netns::{self, Discovery, NamespaceIdentity, NotNamespace};
use crate::store::Store;
use crate::stream::{Stream, Telling};

impl WatchLoop<'_> {
    /// Namespaces that were there when linkhook last ran, and are not any more.
    pub(super) fn forget_gone(&mut self) -> std::result::Result<(), LoopEnd> {
        let gone = self.store.as_mut().map(Store::take_namespaces).unwrap_or_default();
        for label in gone {
            if self.settings.namespaces.includes(&label) {
                let telling = Telling { origin: Origin::Offline, ..own_telling(None) };
                tell_namespace(&mut self.stream, &mut self.out, &label, &own::NAMESPACE_REMOVED, telling);
            }
            self.forgotten.push(label.into());
        }
        self.flush()
    }

    /// Looks which namespaces have come and gone.
    pub(super) fn discover(&mut self) -> std::result::Result<(), LoopEnd> {
        let room = self.has_room();
        let leave = self.places.iter().any(Place::leaves);
        if room && !leave && std::mem::take(&mut self.postponed) {
            self.discovery.iter_mut().for_each(Discovery::look);
        }
        let found = self.discovery.as_mut().and_then(|discovery| discovery.scan(Instant::now()));
        let (Some(found), Some(discovery)) = (found, &self.discovery) else { return Ok(()) };
        for place in self.places.iter_mut().filter(|place| !place.leaves()) {
            let Some(label) = place.label() else { continue };
            let identity = place.identity();
            let stays = found.iter().any(|(name, found)| name.label == label && *found == identity);
            if !stays && !discovery.is_lasting(label) {
                place.leave(&mut self.batch, &mut self.stream.moves)?;
            }
        }
        // Of a name that leads elsewhere now, the end is told before the beginning. And those that leave wait for room:
        // were others let in meanwhile, they would have no bound.
        self.postponed = !room || self.places.iter().any(Place::leaves);
        if self.postponed {
            return Ok(());
        }
        self.refused.retain(|refused| found.iter().any(|(_, identity)| identity == refused));
        for (name, identity) in found {
            // A namespace of two names is watched once.
            let known = self.places.iter().any(|place| place.identity() == identity);
            if known || self.refused.contains(&identity) {
                continue;
            }
            match name.open() {
                // It has gone again meanwhile, which is told, too.
                Err(NotNamespace::Missing | NotNamespace::NoNamespace) => {}
                Ok(netns) if netns.label().is_none() => {}
                Ok(netns) => match self.add(netns) {
                    Ok(()) => self.appeared(),
                    Err(error) => self.refuse(identity, &error),
                },
                Err(NotNamespace::System(error)) => self.refuse(identity, &netns::cannot("open", &name.label, error)),
            }
        }
        self.share_backlog();
        self.flush()
    }

    /// Says once that a namespace cannot be watched.
    pub(super) fn refuse(&mut self, identity: NamespaceIdentity, error: &Error) {
        log::warn!("{error}; it is not watched");
        self.refused.push(identity);
    }

    /// The last place appeared while others were watched.
    fn appeared(&mut self) {
        let Some(last) = self.places.last() else { return };
        let (label, identity) = (last.label().unwrap_or_default(), last.identity());
        let line = tell_namespace(&mut self.stream, &mut self.out, label, &own::NAMESPACE_ADDED, own_telling(None));
        self.places.iter_mut().filter(|place| place.identity() == identity).for_each(|place| place.appears(line));
    }

    /// Closes what is left.
    pub(super) fn close(&mut self) -> std::result::Result<(), LoopEnd> {
        if !self.has_room() || !self.places.iter().any(Place::is_left) {
            return Ok(());
        }
        let (mut left, mut kept) = (Vec::new(), Vec::new());
        for place in self.places.drain(..) {
            if place.is_left() { left.push(place) } else { kept.push(place) }
        }
        self.places = kept;
        // A namespace is gone once all of its protocols are told.
        while let Some(place) = left.pop() {
            let is_same = |other: &Place| other.identity() == place.identity() && other.label() == place.label();
            if left.iter().any(is_same) || self.places.iter().any(|other| other.leaves() && is_same(other)) {
                continue;
            }
            let label = place.label().unwrap_or_default();
            tell_namespace(&mut self.stream, &mut self.out, label, &own::NAMESPACE_REMOVED, own_telling(None));
            self.forgotten.push(label.into());
        }
        self.share_backlog();
        self.flush()
    }
}

/// Tells that a namespace appeared or is gone.
fn tell_namespace(
    stream: &mut Stream,
    out: &mut Json,
    label: &str,
    event: &'static Own,
    telling: Telling<'_>,
) -> Option<u64> {
    // The key is the event's own here.
    stream.own(out, event, telling, |out| {
        out.key("name");
        out.string(label);
    })
}

//! What a message means: which of its objects are new, changed or gone, and what follows from that.

use crate::decode::schema::{Flush, Sides};
use crate::event::signals::Signals;
use crate::event::{Action, Origin};
use crate::json::Json;
use crate::kinds::{self, KindIndex, split};
use crate::mirror::repair::Difference;
use crate::mirror::{Applied, Change, LinkBefore, Mirror, merge};
use crate::netlink::wire::Message;
use crate::stream::{Source, Stream, Taken, Telling, Told};

impl Stream {
    /// Takes in a message, tells what it means, and gives that back.
    pub fn message(
        &mut self,
        out: &mut Json,
        mirror: &mut Mirror,
        message: &Message<'_>,
        source: Source,
        telling: Telling<'_>,
    ) -> Taken {
        let family = message.payload.first().copied().unwrap_or_default();
        let Some((kind, removes)) = kinds::of_message(message.header.kind, family) else {
            if let Some((kind, flush)) = kinds::of_flush(message.header.kind) {
                return self.flush(out, mirror, (kind, flush), message, source, telling);
            }
            let line = self.undecoded(out, message.bytes, "a message type that is not known", telling);
            return Taken { line, ..Taken::default() };
        };
        let table = kind.table();
        let mut taken = Taken { kind: Some((kind, removes)), ..Taken::default() };
        let is_chain = !removes && table.is(&kinds::netfilter::nft::chain::CHAIN);
        let chain = if is_chain { mirror.chain_before(message.payload) } else { None };
        if message.payload.len() < table.header.bytes {
            taken.line = self.undecoded(out, message.bytes, "shorter than its header", telling);
        } else if !self.options.filter.wants_kind(kind.place()) {
            taken.link = mirror.links.learn(kind, message.payload, removes);
        } else if !removes && !source.is_recorded() && !table.is_object(message.payload) {
            // What it belongs to is told or looked at by itself.
        } else if table.split.is_empty() {
            (taken.line, taken.link) = self.object(out, mirror, (kind, removes), message, source, telling);
        } else {
            taken.line = self.objects(out, mirror, (kind, removes), message, source, telling);
        }
        let follows = if removes && table.hooks.holds.is_some() {
            mirror.take_held(kind, message.payload)
        } else if let Some(before) = chain {
            mirror.rename_chain(&before, message.payload)
        } else {
            Vec::new()
        };
        self.follow(out, mirror, follows, Telling { cause: taken.line, ..telling });
        taken
    }

    /// Takes in a message that says that all those objects are gone which it means: what is known of them tells which.
    fn flush(
        &mut self,
        out: &mut Json,
        mirror: &mut Mirror,
        (kind, Flush { means, .. }): (KindIndex, Flush),
        message: &Message<'_>,
        source: Source,
        telling: Telling<'_>,
    ) -> Taken {
        let meant = mirror.objects(kind).filter(|object| means(message.payload, object));
        let mut gone: Vec<Box<[u8]>> = meant.map(Into::into).collect();
        // The mirror has them in no order.
        gone.sort_unstable();
        let mut taken = Taken { flushed: (mirror.count(kind) > 0).then_some(kind), ..Taken::default() };
        let origin = if source.is_recorded() { telling.origin } else { Origin::Inferred };
        for payload in &gone {
            let removal = Message { payload, ..*message };
            let (line, _) = self.object(out, mirror, (kind, true), &removal, source, Telling { origin, ..telling });
            taken.line = line.or(taken.line);
        }
        taken
    }

    /// Tells at once what follows from a message without a word of the kernel's: another object may come in the place of one with the
    /// next message.
    fn follow(&mut self, out: &mut Json, mirror: &mut Mirror, follows: Vec<Difference>, telling: Telling<'_>) {
        let origin = if telling.origin == Origin::Kernel { Origin::Inferred } else { telling.origin };
        let cause = telling.cause.filter(|_| origin == Origin::Inferred);
        for Difference { kind, old, new } in follows {
            let action = if new.is_some() { Action::Change } else { Action::Remove };
            let old = old.as_deref();
            let shown = new.as_deref().or(old).unwrap_or_default();
            let told = Told { kind, action, old, new: shown, signals: Signals::NONE };
            self.tell(out, &mirror.links, told, Telling { origin, cause, ..telling });
        }
    }

    /// Takes in the objects of a message that may hold several. Gives back the number of the last one's line.
    fn objects(
        &mut self,
        out: &mut Json,
        mirror: &mut Mirror,
        (kind, removes): (KindIndex, bool),
        message: &Message<'_>,
        source: Source,
        telling: Telling<'_>,
    ) -> Option<u64> {
        let table = kind.table();
        let mut last = None;
        if source == Source::RecordedDump {
            // Each row is told as it is, a range as a range; the mirror has one object for each number.
            for row in &split::rows(table, message.payload) {
                let present = Told { kind, action: Action::Present, old: None, new: row, signals: Signals::NONE };
                if self.options.present {
                    last = self.tell(out, &mirror.links, present, telling).or(last);
                }
            }
            if table.identity.is_some() {
                for payload in &split::split(table, message.payload) {
                    if is_kept(mirror, kind, payload) {
                        mirror.apply(kind, removes, message.header.flags, payload);
                    }
                }
            }
            return last;
        }
        for payload in &split::split(table, message.payload) {
            let part = Message { payload, ..*message };
            last = self.object(out, mirror, (kind, removes), &part, source, telling).0.or(last);
        }
        last
    }

    /// Takes in one object. Gives back the number of its line, where it has one, and what it was, if it is a link.
    fn object(
        &mut self,
        out: &mut Json,
        mirror: &mut Mirror,
        (kind, removes): (KindIndex, bool),
        message: &Message<'_>,
        source: Source,
        telling: Telling<'_>,
    ) -> (Option<u64>, Option<LinkBefore>) {
        let table = kind.table();
        let present =
            matches!(source, Source::Snapshot | Source::SnapshotOfKnown | Source::RecordedDump | Source::Listed);
        if !is_kept(mirror, kind, message.payload) {
            // Where a namespace has appeared, its one object was not made then.
            if (present && !self.options.present) || (source == Source::Appeared && table.hooks.single) {
                return (None, None);
            }
            let action = match table.hooks.action {
                _ if present => Action::Present,
                Some(action) => action(message.header.flags, removes),
                None if removes => Action::Remove,
                None => Action::Add,
            };
            let object = Some(message.payload);
            let sides = Sides {
                old: object.filter(|_| matches!(action, Action::Change | Action::Remove)),
                new: object.filter(|_| action != Action::Remove),
                message: message.payload,
            };
            let signals = if present { Signals::NONE } else { table.signals_of(&sides).with(mirror.commit(kind)) };
            let told = Told { kind, action, old: None, new: message.payload, signals };
            return (self.tell(out, &mirror.links, told, telling), None);
        }
        if source == Source::Listed {
            if !mirror.shows_first(kind, message.payload) {
                return (None, None);
            }
            let told = Told { kind, action: Action::Present, old: None, new: message.payload, signals: Signals::NONE };
            return (self.tell(out, &mirror.links, told, telling), None);
        }
        let may_be_there = source == Source::Recorded || mirror.is_overfull(kind);
        // A row of a dump says nothing of what has happened.
        let says = table.hooks.action.filter(|_| matches!(source, Source::Kernel | Source::Recorded));
        let mut last = None;
        let Applied { links, change, signals: of_group, link } =
            mirror.apply(kind, removes, message.header.flags, message.payload);
        let (action, old, new): (Action, Option<&[u8]>, &[u8]) = match &change {
            _ if source == Source::RecordedDump => (Action::Present, None, message.payload),
            Change::Added(new) if source == Source::Snapshot => (Action::Present, None, new),
            Change::Added(new) | Change::Changed { new, .. } | Change::Same(new)
                if source == Source::SnapshotOfKnown =>
            {
                (Action::Present, None, new)
            }
            Change::Added(new) => (says.map_or(Action::Add, |action| action(message.header.flags, false)), None, new),
            Change::Changed { old, new } => (Action::Change, Some(old), new),
            Change::Removed(old) if table.hooks.last_word => {
                let whole = last.insert(merge(table, old, message.payload));
                let whole = whole.as_deref().unwrap_or(message.payload);
                (Action::Remove, Some(whole), whole)
            }
            Change::Removed(old) => (Action::Remove, Some(old), message.payload),
            Change::RemovedUnknown if may_be_there => (Action::Remove, None, message.payload),
            Change::RemovedUnknown => return (None, link),
            Change::Same(new) if self.options.unchanged && !present && source != Source::Appeared => {
                (Action::Change, Some(new), new)
            }
            Change::Same(_) => return (None, link),
        };
        if action == Action::Present && !self.options.present {
            return (None, link);
        }
        let after = (action != Action::Remove).then_some(new);
        let mut signals = match action {
            Action::Present => Signals::NONE,
            _ => table.signals_of(&Sides { old, new: after, message: message.payload }).with(of_group),
        };
        if action == Action::Add {
            signals = signals.with(self.moved(kind, action, new, telling));
        }
        (self.tell(out, links, Told { kind, action, old, new, signals }, telling), link)
    }
}

/// Whether the mirror is to have an object: not one that passes by, nor one more than is kept of its kind.
#[inline]
fn is_kept(mirror: &mut Mirror, kind: KindIndex, payload: &[u8]) -> bool {
    !kind.table().hooks.passes.is_some_and(|passes| passes(payload, &mirror.links)) && mirror.keeps(kind, payload)
}

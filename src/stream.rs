//! From messages to lines: what a message means (mirror), whether it is told (filter), and its line (event).

pub mod judge;
mod meaning;
mod names;
mod options;
pub mod sifted;

use std::borrow::Cow;
use std::time::Instant;

use crate::actor::Actor;
use crate::changed::Differ;
use crate::decode::schema::Kind;
use crate::decode::{Links, write_object};
use crate::deliver::hub::{Hub, Loss};
use crate::deliver::jq::Verdict;
use crate::event::own::{self, Own};
use crate::event::signals::Signals;
use crate::event::{self, Action, Clock, Head, Origin};
use crate::figures::{Counted, EventCounts};
use crate::filter::Candidate;
use crate::json::{Json, Mark};
use crate::kinds::{self, KindIndex};
use crate::mirror::LinkBefore;
use crate::mirror::moves::Moves;
use crate::netlink::wire;
use crate::output::LineFormat;
use crate::output::outputs::Shares;
use crate::output::text::{Style, Text};
use crate::units::counted_are;
use judge::{Item, Judged, LineBatch, Settled, WaitingLines};
use names::Names;
pub use options::Options;
use options::{say_aside, written};

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel told it.
    Kernel,
    /// A dump at the start.
    Snapshot,
    /// A dump at the start of what is known already: it is shown all the same.
    SnapshotOfKnown,
    /// A row of a dump that is shown, and of which nothing is kept.
    Listed,
    /// The first dump of a namespace that appeared while watching: what it shows is new.
    Appeared,
    /// A row of a dump in a recording.
    RecordedDump,
    /// A notification in a recording, whose beginning is not known.
    Recorded,
}

impl Source {
    fn is_recorded(self) -> bool {
        matches!(self, Source::RecordedDump | Source::Recorded)
    }
}

/// How an object came to be told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// How linkhook came to know.
    pub origin: Origin,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
    /// When, in microseconds since 1970.
    pub time_microseconds: i64,
    /// The namespace's name.
    pub netns: Option<&'a str>,
    /// Who made the change.
    pub actor: Option<&'a Actor>,
}

/// One object's event, before it is a line.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its kind.
    pub kind: KindIndex,
    /// What happened.
    pub action: Action,
    /// What it was, where that is known.
    pub old: Option<&'a [u8]>,
    /// What it is; of a removed one, what the message says.
    pub new: &'a [u8],
    /// What it means.
    pub signals: Signals,
}

/// What a message was found to be, once it is taken in: what follows from it is for others to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The number of its line, where it has one; of several, the last one's.
    pub line: Option<u64>,
    /// Its kind, and whether it says that the object is gone; `None` where linkhook knows no such message.
    pub kind: Option<(KindIndex, bool)>,
    /// Of a link's message: what the link was before.
    pub link: Option<LinkBefore>,
    /// The kind of which it says that several objects are gone, and names none.
    pub flushed: Option<KindIndex>,
}

/// The stream of lines.
#[derive(Debug)]
pub struct Stream {
    options: Options,
    sequence: u64,
    /// The number of the last line before the first one.
    began_after: u64,
    objects: u64,
    clock: Clock,
    last: event::HeadCache,
    differ: Differ,
    changed: Json,
    scratch: Json,
    text: Text,
    /// What waits for a jq expression's verdict, where there is one: `out` holds JSON until then, whatever the format.
    waiting: Option<WaitingLines>,
    jq_errors: u64,
    counts: EventCounts,
    hub: Option<Hub>,
    /// The lines since they were taken last, as JSON, where the history or readers over HTTP want them.
    kept: Option<Vec<u8>>,
    shares: Shares,
    /// Links that move from one watched namespace to another.
    pub moves: Moves,
}

impl Stream {
    /// A stream that begins with line number 1.
    pub fn new(options: Options) -> Stream {
        let style = match options.format {
            LineFormat::Text(style) => style,
            // No time zone is read for what is not written.
            LineFormat::Json | LineFormat::Fields => Style { utc: true, ..Style::default() },
        };
        Stream {
            text: Text::new(style),
            waiting: (options.filter.jq.is_some() || options.print.is_some()).then(WaitingLines::default),
            options,
            sequence: 0,
            began_after: 0,
            objects: 0,
            clock: Clock::default(),
            last: event::HeadCache::default(),
            differ: Differ::default(),
            changed: Json::new(),
            scratch: Json::new(),
            jq_errors: 0,
            counts: EventCounts::default(),
            hub: None,
            kept: None,
            shares: Shares::default(),
            moves: Moves::default(),
        }
    }

    /// The next line's number is one more than that.
    pub fn continue_after(&mut self, sequence: u64) {
        (self.sequence, self.began_after) = (sequence, sequence);
        self.waiting.iter_mut().for_each(|waiting| waiting.last = sequence);
    }

    /// The number of the last line before the first one.
    pub fn beginning(&self) -> u64 {
        self.began_after
    }

    /// How many lines were told.
    pub fn lines(&self) -> u64 {
        self.sequence - self.began_after
    }

    /// How often what was told.
    pub fn counts(&self) -> &EventCounts {
        &self.counts
    }

    /// The same, to count what only others know of.
    pub fn counts_mut(&mut self) -> &mut EventCounts {
        &mut self.counts
    }

    /// From here on it is noted of each line which outputs want it.
    pub fn share(&mut self, shares: Shares) {
        self.shares = shares;
    }

    /// Which outputs want the lines that were told.
    pub fn shares_mut(&mut self) -> &mut Shares {
        &mut self.shares
    }

    /// From here on every line goes to the webhooks, too.
    pub fn deliver_to(&mut self, hub: Hub) {
        self.hub = Some(hub);
    }

    /// From here on lines are kept as JSON, too, until they are taken.
    pub fn keep_lines(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The lines since the last call, as JSON, where they are kept.
    pub fn take_lines(&mut self) -> Vec<u8> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The webhooks.
    pub fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    /// The webhooks, to change them.
    pub fn hub_mut(&mut self) -> Option<&mut Hub> {
        self.hub.as_mut()
    }

    /// The webhooks, to end them.
    pub fn take_hub(&mut self) -> Option<Hub> {
        self.hub.take()
    }

    /// Tells what webhooks have lost, if it is time, or if it must be now; gives back what was told.
    pub fn losses(&mut self, out: &mut Json, telling: Telling<'_>, now: Instant, must: bool) -> Vec<Loss> {
        let losses = self.hub.as_mut().map(|hub| hub.losses(now, must)).unwrap_or_default();
        for loss in &losses {
            let events = counted_are(loss.events, "event");
            log::warn!("{} {}: {events} lost: {}", loss.word, loss.queue.name(), loss.reason);
            self.own(out, &own::OUTPUT_DROPPED, telling, |out| {
                out.key(loss.word);
                out.string(loss.queue.name());
                out.key("events");
                out.unsigned(loss.events);
                out.key("reason");
                out.string(&loss.reason);
            });
        }
        for (webhook, lasted) in self.hub.as_ref().map(Hub::recoveries).unwrap_or_default() {
            self.own(out, &own::OUTPUT_RECOVERED, telling, |out| {
                out.key(webhook.word());
                out.string(&webhook.name);
                out.key("lasted");
                out.display(format_args!("{:.6}s", lasted.as_secs_f64()));
            });
        }
        losses
    }

    /// The number of the last line.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What is told.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether as many objects were told as were asked for: what comes then is not told, though it was read.
    #[inline]
    fn has_enough(&self) -> bool {
        self.options.count.is_some_and(|count| self.objects >= count)
    }

    /// Whether as many objects were told as were asked for, with those that may be told once they are judged.
    pub fn is_done(&self) -> bool {
        let candidates = || self.waiting.as_ref().map_or(0, WaitingLines::candidates);
        self.options.count.is_some_and(|count| self.objects + candidates() >= count)
    }

    /// Whether lines wait for the jq expression's verdict.
    pub fn is_judging(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.asked > 0 || !waiting.items.is_empty())
    }

    /// The lines that wait, to be judged; none where no expression decides. One batch at a time: the next is taken when
    /// this one is settled.
    pub fn take_unjudged(&mut self, out: &mut Json) -> Option<LineBatch> {
        let waiting = self.waiting.as_mut().filter(|waiting| !waiting.items.is_empty())?;
        let batch = LineBatch { lines: out.take(), items: std::mem::take(&mut waiting.items) };
        waiting.asked += batch.candidates();
        Some(batch)
    }

    /// What becomes of a batch: each line that the expression lets through gets its number, and goes to the webhooks that
    /// want it. A line without a verdict is not judged.
    pub fn settle(&mut self, batch: &LineBatch, judged: Judged) -> Settled {
        let mut settled = Settled::default();
        let most = self.options.count.unwrap_or(u64::MAX);
        let Some(waiting) = &mut self.waiting else { return settled };
        waiting.asked -= batch.candidates();
        let mut verdicts = judged.verdicts.into_iter();
        for (item, line) in batch.each() {
            let mut printed = None;
            if item.is_asked() {
                let done = item.judged && self.objects >= most;
                match verdicts.next() {
                    // What comes after the last one was not asked for.
                    _ if done => continue,
                    Some(Verdict::Keep) => self.objects += 1,
                    Some(Verdict::Print(text)) => {
                        // Of what nothing is printed, nobody has seen anything.
                        self.objects += u64::from(item.judged && !text.is_empty());
                        printed = Some(text);
                    }
                    Some(Verdict::Drop) => continue,
                    Some(Verdict::Broken(why)) => {
                        settled.unjudged += 1;
                        self.jq_errors += 1;
                        // The first is enough: a wrong expression fails on every line.
                        let level = if self.jq_errors == 1 { log::Level::Warn } else { log::Level::Debug };
                        log::log!(level, "{why}; the event is left out");
                        continue;
                    }
                    None => {
                        settled.unjudged += 1;
                        continue;
                    }
                }
            }
            self.sequence += 1;
            item.counted.into_iter().for_each(|counted| self.counts.count(counted));
            waiting.numbers.settle(item.number, self.sequence);
            let start = settled.lines.len();
            if item.is_retold {
                settled.lines.extend_from_slice(line);
            } else {
                let cause = item.cause.and_then(|cause| waiting.numbers.of_cause(cause));
                event::renumber(&mut settled.lines, line, self.sequence, item.cause.is_some(), cause);
            }
            if let Some(kept) = &mut self.kept {
                kept.extend_from_slice(&settled.lines[start..]);
            }
            if let Some(hub) = &mut self.hub {
                hub.stage(self.sequence, &settled.lines[start..], item.wanted_by.clone());
            }
            if item.is_aside {
                say_aside(&settled.lines[start..]);
                settled.lines.truncate(start);
                continue;
            }
            self.shares.tell(item.share);
            let told = printed.or_else(|| {
                let told = written(&self.options, &mut self.text, &settled.lines[start..]);
                told.map(|told| told.into_owned().into_bytes())
            });
            if let Some(told) = told {
                settled.lines.truncate(start);
                settled.lines.extend_from_slice(&told);
            }
        }
        settled
    }

    /// The signal of a link that came from another watched namespace, or that is missed and went to another one.
    pub fn moved(&mut self, kind: KindIndex, action: Action, payload: &[u8], telling: Telling<'_>) -> Signals {
        let (netns, time) = (telling.netns, telling.time_microseconds);
        let moved = kind.table().is(&kinds::rtnetlink::link::LINK)
            && match action {
                Action::Add => self.moves.arrives(netns, time, payload),
                Action::Remove => self.moves.left(netns, time, payload),
                Action::Change | Action::Present => false,
            };
        if moved { Signals::MOVED_NETNS } else { Signals::NONE }
    }

    /// Tells an object, if the filter wants it. Gives back the number of its line.
    pub fn tell(&mut self, out: &mut Json, links: &dyn Links, told: Told<'_>, telling: Telling<'_>) -> Option<u64> {
        if self.has_enough() {
            return None;
        }
        let table: &'static Kind = told.kind.table();
        // Of a removed one, all that was known of it.
        let shown = match (told.action, told.old) {
            (Action::Remove, Some(old)) => old,
            _ => told.new,
        };
        let are_names_asked_for = self.options.filter.wants_interfaces()
            || self.hub.as_ref().is_some_and(Hub::wants_interfaces)
            || self.shares.wants_interfaces();
        let names = if are_names_asked_for { names::of(&told, shown, links) } else { Names::new() };
        let tables = &self.options.filter.tables;
        let candidate = Candidate {
            kind: told.kind.place(),
            table: if tables.is_empty() { None } else { table.route_table_of(shown) },
            family: table.family_of(shown),
            action: told.action,
            signals: told.signals,
            severity: table.severity_of(told.action, shown, told.signals),
            netns: telling.netns,
            interfaces: &names,
        };
        if !self.options.filter.accepts(&candidate) {
            return None;
        }
        self.changed.clear();
        if told.action == Action::Change
            && let Some(old) = told.old
        {
            self.differ.write(&mut self.changed, table, links, old, told.new);
            if self.changed.bytes().is_empty() && !self.options.unchanged {
                return None;
            }
        }
        let own_name = table.hooks.interface_name.and_then(|name| name(shown));
        let interface = table.interface_of(shown).map(|ifindex| (own_name.or_else(|| links.name(ifindex)), ifindex));
        let head = Head {
            time_microseconds: telling.time_microseconds,
            sequence: self.next_number(),
            host: self.options.host.as_deref(),
            netns: telling.netns,
            event: table.name,
            action: told.action.name(),
            origin: telling.origin,
            severity: candidate.severity,
            cause: telling.cause,
            interface,
            signals: told.signals,
            changed: self.changed.bytes(),
            actor: telling.actor,
        };
        let json = match self.options.format {
            LineFormat::Text(_) | LineFormat::Fields if self.waiting.is_none() => {
                self.scratch.clear();
                &mut self.scratch
            }
            _ => &mut *out,
        };
        let mark = json.mark();
        event::begin(json, &mut self.clock, &mut self.last, &head);
        write_object(json, table, &table.context(shown, links).at(telling.time_microseconds));
        event::end(json);
        let counted = Counted::Object(told.kind, told.action, candidate.severity);
        self.hand_over(out, mark, &candidate, counted, telling.cause)
    }

    /// Hands over an object's line, which begins at the mark: it gets its number, or waits for a jq expression's verdict.
    fn hand_over(
        &mut self,
        out: &mut Json,
        mark: Mark,
        candidate: &Candidate<'_>,
        counted: Counted,
        cause: Option<u64>,
    ) -> Option<u64> {
        let share = self.shares.wanting(candidate);
        if self.waiting.is_some() {
            let bytes = out.since(mark).len();
            let wanted_by = self.hub.as_ref().map(|hub| hub.wanting(candidate)).unwrap_or_default();
            let counted = Some(counted);
            return Some(self.wait(Item { bytes, cause, judged: true, counted, wanted_by, share, ..Item::default() }));
        }
        self.shares.tell(share);
        if let Some(told) = written(&self.options, &mut self.text, self.scratch.bytes()) {
            out.raw_text(&told);
        }
        let line = if self.options.format == LineFormat::Json { out.since(mark) } else { self.scratch.bytes() };
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(line);
        }
        if let Some(hub) = &mut self.hub {
            hub.offer(candidate, self.sequence + 1, line);
        }
        self.sequence += 1;
        self.objects += 1;
        self.counts.count(counted);
        Some(self.sequence)
    }

    /// Tells of a message that cannot be decoded: it is kept whole, unless it is of a protocol that has secrets.
    pub fn undecoded(&mut self, out: &mut Json, bytes: &[u8], why: &str, telling: Telling<'_>) -> Option<u64> {
        let mut bytes = Cow::Borrowed(bytes);
        let kind = wire::u16_at(&bytes, 4);
        let (protocol, kind) = match kind.and_then(kinds::renumbered_by) {
            Some((protocol, kind)) => {
                bytes.to_mut()[4..6].copy_from_slice(&kind.to_ne_bytes());
                (Some(protocol), Some(kind))
            }
            None => (None, kind),
        };
        let is_secret = protocol.is_some_and(|protocol| protocol.is_secret);
        self.own(out, &own::UNDECODED, telling, |out| {
            if let Some(kind) = kind {
                out.key("type");
                out.unsigned(u64::from(kind));
            }
            if let Some(protocol) = protocol {
                out.key("protocol");
                out.string(protocol.name);
            }
            out.key("error");
            out.string(why);
            if is_secret {
                out.key("bytes");
                out.unsigned(bytes.len() as u64);
            } else {
                out.key("hex");
                out.hex(&bytes);
            }
        })
    }

    /// Tells an event of linkhook's own, with the members that `object` writes. `hello` and `bye` only where they are
    /// asked for.
    pub fn own(
        &mut self,
        out: &mut Json,
        own: &'static Own,
        telling: Telling<'_>,
        object: impl FnOnce(&mut Json),
    ) -> Option<u64> {
        let Own { name: event, action, severity, always, .. } = *own;
        if !always && !self.options.own.contains(&event) {
            return None;
        }
        let is_aside = self.options.is_aside(event);
        let counted = Counted::own(own);
        let head = Head {
            time_microseconds: telling.time_microseconds,
            sequence: self.next_number(),
            host: self.options.host.as_deref(),
            netns: telling.netns,
            event,
            action,
            origin: telling.origin,
            severity,
            cause: telling.cause,
            interface: None,
            signals: Signals::NONE,
            changed: &[],
            actor: None,
        };
        let json = match self.options.format {
            LineFormat::Text(_) | LineFormat::Fields if self.waiting.is_none() => {
                self.scratch.clear();
                &mut self.scratch
            }
            _ => &mut *out,
        };
        let mark = json.mark();
        event::begin(json, &mut self.clock, &mut self.last, &head);
        json.begin_object();
        object(json);
        json.end_object();
        event::end(json);
        let share = self.shares.wanting_own(event);
        if self.waiting.is_some() {
            let bytes = json.since(mark).len();
            let wanted_by = self.hub.as_ref().map(|hub| hub.wanting_own(event)).unwrap_or_default();
            let (cause, counted) = (telling.cause, Some(counted));
            let printed = self.options.print.is_some() && !is_aside;
            return Some(self.wait(Item {
                bytes,
                cause,
                printed,
                is_aside,
                counted,
                wanted_by,
                share,
                ..Item::default()
            }));
        }
        self.shares.tell(share);
        if is_aside {
            say_aside(self.scratch.bytes());
        } else if let Some(told) = written(&self.options, &mut self.text, self.scratch.bytes()) {
            out.raw_text(&told);
        }
        let line = if self.options.format == LineFormat::Json { out.since(mark) } else { self.scratch.bytes() };
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(line);
        }
        if let Some(hub) = &mut self.hub {
            hub.offer_own(event, self.sequence + 1, line);
        }
        self.sequence += 1;
        self.counts.count(counted);
        Some(self.sequence)
    }

    /// Tells a line of linkhook's own once more, as it stands, if the filter wants it; `own` is its name where it is an event of
    /// linkhook's own.
    pub fn retell(&mut self, out: &mut Json, line: &[u8], own: Option<&'static str>, candidate: &Candidate<'_>) {
        let is_wanted = match own {
            Some(event) => own::always_comes(event) || self.options.own.contains(&event),
            None => self.options.filter.accepts(candidate),
        };
        if !is_wanted {
            return;
        }
        let is_aside = own.is_some_and(|event| self.options.is_aside(event));
        if self.waiting.is_some() {
            let mark = out.mark();
            out.raw_text(std::str::from_utf8(line).unwrap_or_default());
            let bytes = out.since(mark).len();
            let printed = own.is_some() && self.options.print.is_some() && !is_aside;
            let judged = own.is_none();
            self.wait(Item { bytes, judged, printed, is_aside, is_retold: true, ..Item::default() });
            return;
        }
        self.objects += u64::from(own.is_none());
        if is_aside {
            say_aside(line);
        } else if let Some(told) = written(&self.options, &mut self.text, line) {
            out.raw_text(&told);
        } else {
            out.raw_text(std::str::from_utf8(line).unwrap_or_default());
        }
    }

    /// The next line's number, for the time being where a jq expression decides.
    fn next_number(&self) -> u64 {
        self.waiting.as_ref().map_or(self.sequence, |waiting| waiting.last) + 1
    }

    /// The last line waits for the others before it to be judged, and to be judged itself where it is. Gives back its
    /// number for the time being, by which it can be named as a cause.
    fn wait(&mut self, item: Item) -> u64 {
        let number = self.next_number();
        if let Some(waiting) = &mut self.waiting {
            waiting.items.push(Item { number, ..item });
            waiting.last = number;
        }
        number
    }
}

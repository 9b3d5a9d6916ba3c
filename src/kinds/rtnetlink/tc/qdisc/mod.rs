//! Queueing disciplines: what the options of each are, the options of its classes, and what it counts. A discipline has a
//! row in [`DISCIPLINES`], and a file, alone or with its relatives. `pkt_sched.h`.

mod cake;
mod cbs;
mod codel;
mod etf;
mod fq;
mod hfsc;
mod hhf;
mod htb;
mod mqprio;
mod netem;
mod pie;
mod red;
mod sched;
mod sfq;
mod taprio;
mod tbf;

use super::names::{LINK_LAYERS, TCA_KIND};
use crate::decode::schema::{Among, Choice, Is, Level, Scalar::*, Set, Structure, field, row};

/// Every discipline that has options. Those that are not here have none: `mq`, `noqueue`, `teql`, …
const DISCIPLINES: &[Discipline] = &[
    discipline("bfifo", Is::Structure(&sched::FIFO)),
    discipline("cake", cake::CAKE_OPTIONS).counters(Is::Inline(&cake::CAKE_COUNTERS)),
    discipline("cbs", Is::Set(&cbs::CBS)),
    discipline("choke", Is::Set(&red::CHOKE)).counters(Is::InlineStructure(&red::CHOKE_COUNTERS)),
    discipline("clsact", Is::Set(&EMPTY)),
    discipline("codel", Is::Set(&codel::CODEL)).counters(Is::InlineStructure(&codel::CODEL_COUNTERS)),
    discipline("drr", Is::Set(&EMPTY))
        .classes(Is::Inline(&sched::DRR_CLASS))
        .counters(Is::InlineStructure(&sched::DRR_COUNTERS)),
    discipline("dualpi2", Is::Set(&pie::DUALPI2)).counters(Is::InlineStructure(&pie::DUALPI2_COUNTERS)),
    discipline("etf", Is::Set(&etf::ETF)),
    discipline("ets", Is::Set(&sched::ETS)).classes(Is::Inline(&sched::ETS)),
    discipline("fq", Is::Set(&fq::FQ)).counters(Is::InlineStructure(&fq::FQ_COUNTERS)),
    discipline("fq_codel", Is::Set(&codel::FQ_CODEL)).counters(codel::FQ_CODEL_COUNTERS),
    discipline("fq_pie", Is::Set(&pie::FQ_PIE)).counters(Is::InlineStructure(&pie::FQ_PIE_COUNTERS)),
    discipline("gred", Is::Set(&red::GRED)),
    discipline("hfsc", Is::Structure(&hfsc::HFSC))
        .classes(Is::Inline(&hfsc::HFSC_CLASS))
        .counters(Is::InlineStructure(&hfsc::HFSC_COUNTERS)),
    discipline("hhf", Is::Set(&hhf::HHF)).counters(Is::InlineStructure(&hhf::HHF_COUNTERS)),
    discipline("htb", Is::Set(&htb::HTB))
        .classes(Is::Inline(&htb::HTB))
        .counters(Is::InlineStructure(&htb::HTB_COUNTERS)),
    discipline("ingress", Is::Set(&EMPTY)),
    discipline("mqprio", mqprio::MQPRIO_OPTIONS),
    discipline("multiq", Is::Structure(&sched::MULTIQ)),
    discipline("netem", netem::NETEM_OPTIONS).counters(Is::InlineStructure(&netem::NETEM_COUNTERS)),
    discipline("pfifo", Is::Structure(&sched::FIFO)),
    discipline("pfifo_fast", sched::PRIO_OPTIONS),
    discipline("pfifo_head_drop", Is::Structure(&sched::FIFO)),
    discipline("pie", Is::Set(&pie::PIE)).counters(Is::InlineStructure(&pie::PIE_COUNTERS)),
    discipline("plug", Is::Structure(&sched::PLUG)),
    discipline("prio", sched::PRIO_OPTIONS),
    discipline("qfq", Is::Set(&EMPTY))
        .classes(Is::Inline(&sched::QFQ_CLASS))
        .counters(Is::InlineStructure(&sched::QFQ_COUNTERS)),
    discipline("red", Is::Set(&red::RED)).counters(Is::InlineStructure(&red::RED_COUNTERS)),
    discipline("sfb", Is::Set(&red::SFB)).counters(Is::InlineStructure(&red::SFB_COUNTERS)),
    discipline("sfq", sfq::SFQ_OPTIONS).counters(Is::InlineStructure(&sfq::SFQ_COUNTERS)),
    discipline("skbprio", Is::Structure(&sched::FIFO)),
    discipline("taprio", taprio::TAPRIO_OPTIONS).counters(Is::Inline(&taprio::TAPRIO_COUNTERS)),
    discipline("tbf", Is::Set(&tbf::TBF)),
];

/// A queueing discipline.
#[derive(Clone, Copy)]
struct Discipline {
    /// Its name: `TCA_KIND`.
    name: &'static str,
    /// Its options.
    options: Is,
    /// The options of its classes, which stand among the members of a class.
    classes: Option<Is>,
    /// What it and its classes count: `TCA_STATS_APP`.
    counters: Option<Is>,
}

/// A discipline whose classes have no options, and that counts nothing of its own.
const fn discipline(name: &'static str, options: Is) -> Discipline {
    Discipline { name, options, classes: None, counters: None }
}

impl Discipline {
    const fn classes(self, options: Is) -> Discipline {
        Discipline { classes: Some(options), ..self }
    }

    const fn counters(self, counters: Is) -> Discipline {
        Discipline { counters: Some(counters), ..self }
    }
}

/// The options of a discipline, by its name.
pub(super) static OPTIONS: Choice = Choice {
    level: Level::Here,
    by: TCA_KIND,
    among: Among::Text(&const { column::<{ count(Column::Options) }>(Column::Options) }),
};

/// The options of a class, by its discipline's name.
pub(super) static CLASS_OPTIONS: Choice = Choice {
    level: Level::Here,
    by: TCA_KIND,
    among: Among::Text(&const { column::<{ count(Column::Classes) }>(Column::Classes) }),
};

/// What a discipline or one of its classes counts, by the discipline's name, which a class has, too.
pub(super) static COUNTERS: Choice = Choice {
    level: Level::Message,
    by: TCA_KIND,
    among: Among::Text(&const { column::<{ count(Column::Counters) }>(Column::Counters) }),
};

/// The columns of [`DISCIPLINES`].
#[derive(Clone, Copy)]
enum Column {
    Options,
    Classes,
    Counters,
}

/// One column of [`DISCIPLINES`], without the rows that have nothing in it.
const fn column<const ROWS: usize>(which: Column) -> [(&'static str, Is); ROWS] {
    let mut column = [("", Is::Known); ROWS];
    let (mut from, mut to) = (0, 0);
    while from < DISCIPLINES.len() {
        if let Some(is) = in_column(&DISCIPLINES[from], which) {
            column[to] = (DISCIPLINES[from].name, is);
            to += 1;
        }
        from += 1;
    }
    column
}

/// How many rows have something in that column.
const fn count(which: Column) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < DISCIPLINES.len() {
        count += in_column(&DISCIPLINES[at], which).is_some() as usize;
        at += 1;
    }
    count
}

/// What a discipline has in that column.
const fn in_column(discipline: &Discipline, column: Column) -> Option<Is> {
    match column {
        Column::Options => Some(discipline.options),
        Column::Classes => discipline.classes,
        Column::Counters => discipline.counters,
    }
}

/// Of those that come with an empty nest.
static EMPTY: Set = Set::new("none", &[]);

/// `TCA_STAB_*`.
pub(super) static SIZE_TABLE: Set =
    Set::new("TCA_STAB", &[row(1, "base", Is::InlineStructure(&SIZES)), row(2, "data", Is::Array(&SIZE, 2))]);

static SIZE: Is = Is::Number(U16);

/// `struct tc_sizespec`.
static SIZES: Structure = Structure::new(
    "tc_sizespec",
    24,
    &[
        field(8, "linklayer", Is::Named(U32, LINK_LAYERS)),
        field(4, "overhead", Is::Number(I32)),
        field(12, "mpu", Is::Number(U32)),
        field(16, "mtu", Is::Number(U32)),
        field(20, "tsize", Is::Number(U32)),
        field(0, "cell_log", Is::Number(U8)),
        field(1, "size_log", Is::Number(U8)),
        field(2, "cell_align", Is::Number(I16)),
    ],
);

#[cfg(test)]
mod tests {
    use super::DISCIPLINES;

    #[test]
    fn each_discipline_has_one_row() {
        assert!(DISCIPLINES.is_sorted_by(|a, b| a.name < b.name), "the names must grow");
    }
}

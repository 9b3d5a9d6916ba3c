//! The figures in Prometheus' text format, version 0.0.4: a row a metric, from which docs/metrics.md is made, too.
//!
//! Names follow Prometheus' conventions: the prefix of the program, base units, `_total` behind what only grows.

use std::fmt::{Display, Write};

use crate::figures::{Figures, WebhookFigures};

/// One metric.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// `counter`, which only grows, or `gauge`.
    pub kind: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Writes its samples.
    samples: fn(&Figures, &mut Samples<'_>),
}

/// Writes the samples of one metric.
struct Samples<'s> {
    out: &'s mut String,
    name: &'static str,
    labels: &'static [&'static str],
}

impl Samples<'_> {
    /// One, with a value for each of its labels.
    fn add(&mut self, values: &[&str], value: impl Display) {
        self.out.push_str(self.name);
        for (place, (label, value)) in self.labels.iter().zip(values).enumerate() {
            self.out.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.out, "{label}=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    letter => self.out.push(letter),
                }
            }
            self.out.push('"');
        }
        let _ = writeln!(self.out, "{} {value}", if self.labels.is_empty() { "" } else { "}" });
    }

    /// One for each webhook.
    fn webhooks(&mut self, figures: &Figures, value: impl Fn(&WebhookFigures) -> u64) {
        figures.webhooks.iter().for_each(|webhook| self.add(&[&webhook.name], value(webhook)));
    }
}

/// A metric that only grows.
const fn counter(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    samples: fn(&Figures, &mut Samples<'_>),
) -> Metric {
    Metric { name, kind: "counter", help, labels, samples }
}

/// A metric that goes up and down.
const fn gauge(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    samples: fn(&Figures, &mut Samples<'_>),
) -> Metric {
    Metric { name, kind: "gauge", help, labels, samples }
}

const WEBHOOK: &[&str] = &["webhook"];

/// Every metric.
pub static METRICS: &[Metric] = &[
    gauge("linkhook_build_info", "Always 1; the label says which linkhook it is", &["version"], |_, samples| {
        samples.add(&[env!("CARGO_PKG_VERSION")], 1);
    }),
    gauge("linkhook_uptime_seconds", "For how long linkhook has been running", &[], |figures, samples| {
        samples.add(&[], figures.uptime.as_secs_f64());
    }),
    gauge(
        "linkhook_ready",
        "1 while what is known is what the kernel holds and lines can be written, else 0",
        &[],
        |figures, samples| {
            samples.add(&[], u8::from(figures.obstacles.is_empty()));
        },
    ),
    counter("linkhook_lines_total", "Lines told", &[], |figures, samples| samples.add(&[], figures.lines)),
    counter(
        "linkhook_events_total",
        "Events told, linkhook's own among them, by their kind, action and severity",
        &["kind", "action", "severity"],
        |figures, samples| {
            for (kind, action, severity, count) in figures.events.iter() {
                samples.add(&[kind, action, severity], count);
            }
        },
    ),
    counter(
        "linkhook_lost_notifications_total",
        "Notifications that the kernel dropped, as far as it says how many",
        &[],
        |figures, samples| samples.add(&[], figures.events.lost),
    ),
    counter("linkhook_overruns_total", "How often notifications were lost", &[], |figures, samples| {
        samples.add(&[], figures.overruns());
    }),
    counter("linkhook_resyncs_total", "How often what was lost was made good", &[], |figures, samples| {
        samples.add(&[], figures.resyncs());
    }),
    gauge("linkhook_namespaces", "Network namespaces that are watched", &[], |figures, samples| {
        samples.add(&[], figures.namespaces);
    }),
    gauge("linkhook_mirror_objects", "Objects that are known, by their kind", &["kind"], |figures, samples| {
        figures.objects.iter().for_each(|(kind, count)| samples.add(&[kind], count));
    }),
    gauge(
        "linkhook_mirror_bytes",
        "Bytes of the objects that are known, as the kernel sent them",
        &[],
        |figures, samples| {
            samples.add(&[], figures.mirror_bytes);
        },
    ),
    gauge(
        "linkhook_backlog_bytes",
        "Bytes of notifications that were read and are not told yet",
        &[],
        |figures, samples| {
            samples.add(&[], figures.backlog_bytes);
        },
    ),
    gauge(
        "linkhook_output_queue_bytes",
        "Bytes of lines that wait for a slow reader of the output",
        &[],
        |figures, samples| {
            samples.add(&[], figures.output_queue_bytes);
        },
    ),
    counter(
        "linkhook_output_dropped_lines_total",
        "Lines that are not in an output and will not be",
        &[],
        |figures, samples| samples.add(&[], figures.output_dropped_lines),
    ),
    gauge(
        "linkhook_store_pending_bytes",
        "Bytes that wait to be committed; only with a state directory",
        &[],
        |figures, samples| figures.store_pending_bytes.iter().for_each(|bytes| samples.add(&[], bytes)),
    ),
    counter("linkhook_webhook_sent_events_total", "Events that the receiver took", WEBHOOK, |figures, samples| {
        samples.webhooks(figures, |webhook| webhook.sent);
    }),
    counter(
        "linkhook_webhook_failed_attempts_total",
        "Attempts after which the receiver had not taken the batch",
        WEBHOOK,
        |figures, samples| samples.webhooks(figures, |webhook| webhook.failed),
    ),
    gauge(
        "linkhook_webhook_waiting_events",
        "Events that wait to be sent, or are on their way",
        WEBHOOK,
        |figures, samples| samples.webhooks(figures, |webhook| webhook.waiting),
    ),
    gauge(
        "linkhook_webhook_oldest_event_age_seconds",
        "How long ago the first event that waits was received from the kernel; 0 where none waits",
        WEBHOOK,
        |figures, samples| {
            for webhook in &figures.webhooks {
                let age = figures.age(webhook).unwrap_or_default();
                samples.add(&[&webhook.name], age.as_secs_f64());
            }
        },
    ),
    counter(
        "linkhook_webhook_dropped_events_total",
        "Events that the receiver does not get, and that stand nowhere",
        WEBHOOK,
        |figures, samples| samples.webhooks(figures, |webhook| webhook.dropped),
    ),
    counter(
        "linkhook_webhook_dead_events_total",
        "Events that were put into the dead letters",
        WEBHOOK,
        |figures, samples| samples.webhooks(figures, |webhook| webhook.dead),
    ),
];

/// All of it.
pub fn text(figures: &Figures) -> String {
    let mut out = String::new();
    for Metric { name, kind, help, labels, samples } in METRICS {
        let _ = writeln!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        samples(figures, &mut Samples { out: &mut out, name, labels });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::own;
    use crate::figures::Counted;

    #[test]
    fn names_follow_the_conventions() {
        for metric in METRICS {
            let Metric { name, kind, help, labels, .. } = metric;
            assert!(
                name.starts_with("linkhook_") && name.bytes().all(|octet| octet == b'_' || octet.is_ascii_lowercase())
            );
            assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
            assert!(!help.ends_with('.') && !help.contains(['\n', '\\']), "{name}");
            assert!(labels.iter().all(|label| label.bytes().all(|octet| octet.is_ascii_lowercase())), "{name}");
            assert_eq!(METRICS.iter().filter(|other| other.name == *name).count(), 1, "{name}");
        }
    }

    #[test]
    fn each_figure_stands_where_it_belongs() {
        let mut figures = Figures {
            time_microseconds: 5_500_000,
            uptime: Duration::from_millis(1500),
            lines: 12,
            objects: vec![("link", 4), ("route", 7)],
            webhooks: vec![
                WebhookFigures {
                    name: "noc".into(),
                    sent: 5,
                    oldest_microseconds: Some(2_000_000),
                    ..Default::default()
                },
                WebhookFigures { name: "a\"b\\c\n".into(), dead: 9, ..Default::default() },
            ],
            ..Figures::default()
        };
        figures.events.count(Counted::own(&own::OVERRUN));
        figures.events.lost = 3;
        let told = text(&figures);
        for line in [
            "# HELP linkhook_lines_total Lines told.",
            "# TYPE linkhook_lines_total counter",
            "linkhook_lines_total 12",
            "linkhook_uptime_seconds 1.5",
            "linkhook_ready 1",
            "linkhook_events_total{kind=\"overrun\",action=\"lost\",severity=\"err\"} 1",
            "linkhook_lost_notifications_total 3",
            "linkhook_overruns_total 1",
            "linkhook_resyncs_total 0",
            "linkhook_mirror_objects{kind=\"route\"} 7",
            "linkhook_webhook_sent_events_total{webhook=\"noc\"} 5",
            "linkhook_webhook_oldest_event_age_seconds{webhook=\"noc\"} 3.5",
            "linkhook_webhook_oldest_event_age_seconds{webhook=\"a\\\"b\\\\c\\n\"} 0",
            "linkhook_webhook_dead_events_total{webhook=\"a\\\"b\\\\c\\n\"} 9",
        ] {
            assert_eq!(told.lines().filter(|told| *told == line).count(), 1, "{line}\n{told}");
        }
        // Without a state directory there is nothing to commit.
        assert!(!told.lines().any(|line| line.starts_with("linkhook_store_pending_bytes ")));
    }
}

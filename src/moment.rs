//! Moments as people write them, much as `journalctl` takes them.

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::units;

/// What is taken, for an error and the help.
pub const EXAMPLES: &str = "2026-11-24 03:12, 03:12:05, 2026-11-24T03:12:05Z, yesterday, 1h ago, 10m, @1795479185";

/// A moment in microseconds since 1970. What names no time zone is local; a duration by itself is that long ago.
pub fn moment(text: &str) -> Result<i64, String> {
    read(text, &ZonedDateTime::now())
}

fn read(text: &str, now: &ZonedDateTime) -> Result<i64, String> {
    let wrong = || format!("'{text}' is no time; write one such as {EXAMPLES}");
    let text = text.trim();
    let microseconds = |zoned: ZonedDateTime| zoned.timestamp().as_microsecond();
    let day = |days: i64| {
        let day = now.checked_add(jiff::Span::new().days(days)).and_then(|day| day.start_of_day());
        day.map(microseconds).map_err(|_| wrong())
    };
    match text {
        "now" => return Ok(now.timestamp().as_microsecond()),
        "today" => return day(0),
        "yesterday" => return day(-1),
        "tomorrow" => return day(1),
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
        let microseconds = seconds * 1e6;
        return if microseconds.abs() < 2e17 { Ok(microseconds as i64) } else { Err(wrong()) };
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_microsecond());
    }
    // A time of a day would be a duration, too, and a bare number an hour.
    if text.trim_start_matches(['-', '+']).contains([':', '-']) {
        let civil = match text.parse::<DateTime>() {
            Ok(civil) => civil,
            Err(_) => text.parse::<Time>().map_err(|_| wrong())?.on(now.year(), now.month(), now.day()),
        };
        return now.time_zone().to_zoned_datetime(civil).map(microseconds).map_err(|_| wrong());
    }
    let (sign, duration) = match (text.strip_suffix(" ago"), text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(ago), ..) => (-1, ago),
        (_, Some(before), _) => (-1, before),
        (.., Some(after)) => (1, after),
        _ => (-1, text),
    };
    let duration = units::duration_or_seconds(duration).map_err(|_| wrong())?;
    let duration = SignedDuration::try_from(duration).map_err(|_| wrong())? * sign;
    now.timestamp().checked_add(duration).map(Timestamp::as_microsecond).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: ZonedDateTime = "2026-11-24T14:00:30.5+01:00[Europe/Berlin]".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-11-24T13:00:30.5Z"),
            ("today", "2026-11-23T23:00:00Z"),
            ("yesterday", "2026-11-22T23:00:00Z"),
            ("tomorrow", "2026-11-24T23:00:00Z"),
            ("2026-11-24T03:12:05Z", "2026-11-24T03:12:05Z"),
            ("2026-11-24T03:12:05.424828+02:00", "2026-11-24T01:12:05.424828Z"),
            ("2026-11-24 03:12:05", "2026-11-24T02:12:05Z"),
            ("2026-11-24T03:12:05.5", "2026-11-24T02:12:05.5Z"),
            ("2026-11-24 03:12", "2026-11-24T02:12:00Z"),
            // In summer.
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("03:12", "2026-11-24T02:12:00Z"),
            ("03:12:05", "2026-11-24T02:12:05Z"),
            ("1h ago", "2026-11-24T12:00:30.5Z"),
            ("-1h", "2026-11-24T12:00:30.5Z"),
            ("1h", "2026-11-24T12:00:30.5Z"),
            ("1 week ago", "2026-11-17T13:00:30.5Z"),
            ("2d 1h", "2026-11-22T12:00:30.5Z"),
            ("90", "2026-11-24T12:59:00.5Z"),
            ("+30s", "2026-11-24T13:01:00.5Z"),
            ("@1795479185", "2026-11-24T00:13:05Z"),
            ("@1795479185.25", "2026-11-24T00:13:05.25Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(read(text, &now), Ok(expected.as_microsecond()), "{text}");
        }
        for text in ["", "soon", "@", "@soon", "@1e30", "2026-13-01", "25:00", "-", "ago", "1h later"] {
            assert!(read(text, &now).unwrap_err().contains("yesterday"), "{text}");
        }
    }
}

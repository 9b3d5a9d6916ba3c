//! Durations and sizes in words: `5m`, `1MiB`.

use std::time::Duration;

/// Reads a duration such as `500ms`, `3s`, `5m`, `2h`, `3d`, `1w` or `1h 30m`. A day has 24 hours, and a week seven of them.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || no_duration(text);
    let parsed: jiff::Span = text.parse().map_err(|_| wrong())?;
    let parsed = parsed.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(parsed).map_err(|_| wrong())
}

/// The same, or bare seconds.
pub fn duration_or_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.').then(|| text.parse::<f64>());
    match seconds {
        Some(Ok(seconds)) => Duration::try_from_secs_f64(seconds).map_err(|_| no_duration(text)),
        _ => duration(text),
    }
}

/// What is said of a text that is no duration.
fn no_duration(text: &str) -> String {
    format!("'{text}' is no duration; write a number and a unit, such as 500ms, 3s, 5m, 2h or 3d")
}

/// A number and what is counted: "1 event", "2 events".
pub fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The same with the verb: "1 event is", "2 events are".
pub fn counted_are(number: u64, what: &str) -> String {
    format!("{} {}", counted(number, what), if number == 1 { "is" } else { "are" })
}

/// The same of what has been: "1 event was", "2 events were".
pub fn counted_were(number: u64, what: &str) -> String {
    format!("{} {}", counted(number, what), if number == 1 { "was" } else { "were" })
}

/// Reads a size such as `4096`, `64KiB` or `1MiB`, in bytes.
pub fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || format!("'{text}' is no size; write a number of bytes or one with a unit, such as 64KiB or 1MiB");
    let parsed: bytesize::ByteSize = text.parse().map_err(|_| wrong())?;
    usize::try_from(parsed.as_u64()).map_err(|_| wrong())
}

/// A duration as [`duration`] reads it, in the largest unit that fits.
pub fn duration_words(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let fitting = units.iter().find(|(unit, _)| milliseconds > 0 && milliseconds.is_multiple_of(*unit));
    let (unit, name) = fitting.unwrap_or(&(1, "ms"));
    format!("{}{name}", milliseconds / unit)
}

/// A size as [`bytes`] reads it, in the largest unit that fits.
pub fn bytes_words(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (text, milliseconds) in
            [("500ms", 500), ("3s", 3000), ("5m", 300_000), ("2h", 7_200_000), ("3d", 259_200_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
            assert_eq!(duration_words(Duration::from_millis(milliseconds)), text);
        }
        for (text, octets) in [("4096", 4096), ("4KiB", 4096), ("1MiB", 1 << 20), ("1MB", 1_000_000)] {
            assert_eq!(bytes(text), Ok(octets), "{text}");
        }
    }

    #[test]
    fn durations_may_be_bare_seconds() {
        for (text, milliseconds) in [("5", 5000), ("0.5", 500), ("500ms", 500), ("5m", 300_000), ("1h 30m", 5_400_000)]
        {
            assert_eq!(duration_or_seconds(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", ".", "1.2.3", "-5", "soon", "99999999999999999999999"] {
            assert!(duration_or_seconds(text).unwrap_err().contains("500ms"), "{text}");
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            [0, 1, 2].map(|number| counted_are(number, "event")),
            ["0 events are", "1 event is", "2 events are"]
        );
        assert_eq!([1, 2].map(|number| counted_were(number, "line")), ["1 line was", "2 lines were"]);
    }

    #[test]
    fn what_is_no_quantity_is_told() {
        for text in ["", "five", "-3s", "3 parsecs"] {
            assert!(duration(text).unwrap_err().contains("500ms"), "{text}");
        }
        for text in ["", "big", "-1", "1XiB"] {
            assert!(bytes(text).unwrap_err().contains("1MiB"), "{text}");
        }
    }

    #[test]
    fn sizes_are_written() {
        for (octets, text) in [(1 << 20, "1MiB"), (256 << 20, "256MiB"), (1025, "1025 bytes"), (4096, "4KiB")] {
            assert_eq!(bytes_words(octets), text);
        }
    }
}

//! Durations and sizes in words: `5m`, `1MiB`.

use std::time::Duration;

/// Reads a duration such as `500ms`, `3s`, `5m`, `2h`, `3d` or `1h 30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration; write a number and a unit, such as 500ms, 3s, 5m, 2h or 3d");
    // jiff knows no days in a duration of absolute time: a day is 24 hours here.
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(parsed).map_err(|_| wrong())
}

/// Reads a size such as `4096`, `64KiB` or `1MiB`, in octets.
pub fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || format!("'{text}' is no size; write a number of octets or one with a unit, such as 64KiB or 1MiB");
    let parsed: bytesize::ByteSize = text.parse().map_err(|_| wrong())?;
    usize::try_from(parsed.as_u64()).map_err(|_| wrong())
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
        }
        for (text, octets) in [("4096", 4096), ("4KiB", 4096), ("1MiB", 1 << 20), ("1MB", 1_000_000)] {
            assert_eq!(bytes(text), Ok(octets), "{text}");
        }
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
}

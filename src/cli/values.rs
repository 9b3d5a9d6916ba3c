//! Values of options as people write them.

use std::path::PathBuf;
use std::time::Duration;

use crate::units;

/// A number of objects, one at least.
pub fn count(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no number of objects; write a whole number from 1 on, such as 10");
    text.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)
}

/// A duration in words or in bare seconds, more than nothing.
pub fn some_duration(text: &str) -> Result<Duration, String> {
    let duration = units::duration_or_seconds(text)?;
    if duration.is_zero() { Err("more than nothing is needed, such as 10s".into()) } else { Ok(duration) }
}

/// A file to write lines to. A format's name is a slip of the hand: a file of that name can be had by its path.
pub fn output(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("a file's name is needed".into()),
        "json" | "text" | "pcap" | "rtmon" => {
            Err(format!("-o names a file; for the format write --format {text}, for a file of that name -o ./{text}"))
        }
        _ => Ok(text.into()),
    }
}

/// A directory's path, whole, since linkhook's lines name what is in it.
pub fn directory(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| format!("'{text}' is no directory's path: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_is_told() {
        assert_eq!(count("10"), Ok(10));
        ["-1", "0", "", "many", "1.5"].iter().for_each(|text| assert!(count(text).unwrap_err().contains("from 1 on")));
    }

    #[test]
    fn a_format_is_no_file() {
        assert!(output("json").unwrap_err().contains("--format json"));
        assert_eq!(output("./json"), Ok("./json".into()));
    }
}

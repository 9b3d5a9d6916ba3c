//! What an answer means, and how long to wait before the next attempt. Pure: clock and random number are arguments.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::formats::{Answer, Meaning};
use super::run::AGAIN;

/// A `Retry-After` beyond this is cut to it: a receiver that asks for more has mistaken a point in time for a time, or is
/// asked again all the same.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// When and how often a batch is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The base of the first pause.
    pub first: Duration,
    /// The base of the longest pause.
    pub most: Duration,
    /// A batch that is not taken for so long is dead.
    pub give_up_after: Duration,
    /// Statuses that are tried again.
    pub statuses: Vec<RangeInclusive<u16>>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// There was an answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its header `Retry-After`.
        retry_after: Option<&'a str>,
        /// What the format says that it means.
        meaning: &'a Meaning,
    },
    /// A command has ended.
    Ended {
        /// Its exit status; none where it was ended by a signal.
        code: Option<i32>,
    },
    /// There was none: no connection, no whole head, or not in time.
    None,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The batch is delivered.
    Delivered,
    /// The same batch again.
    Again {
        /// After so long.
        pause: Duration,
        /// For how long the receiver asked, where that is more than anybody is obeyed.
        cut_from: Option<Duration>,
    },
    /// The batch is too large for the receiver: halve it, and the next ones, too.
    Halve,
    /// Some of its events are refused: halves find them.
    Bisect,
    /// The receiver wants nothing more, ever (410).
    Rest,
    /// The batch will never be taken.
    Dead,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            first: Duration::from_secs(1),
            most: Duration::from_secs(5 * 60),
            give_up_after: Duration::from_secs(3 * 24 * 60 * 60),
            statuses: vec![408..=408, 425..=425, 429..=429, 500..=599],
        }
    }
}

impl Policy {
    /// The pause after the attempt with that number (from 0): d/2 + uniform(0, d/2) with d = min(most, first·2ⁿ).
    /// `random` is uniform in 0 to 1.
    pub fn pause(&self, attempt: u32, random: f64) -> Duration {
        let factor = 1_u32.checked_shl(attempt.min(32)).unwrap_or(u32::MAX);
        let half = self.first.checked_mul(factor).map_or(self.most, |pause| pause.min(self.most)) / 2;
        half + half.mul_f64(random.clamp(0.0, 1.0))
    }

    /// Judges an attempt. What the settings name as tried again is, whatever it is; `Retry-After` is obeyed from `first`
    /// to [`RETRY_AFTER_MAX`].
    pub fn judge(&self, outcome: Outcome<'_>, attempt: u32, now: Timestamp, random: f64) -> Consequence {
        let again = Consequence::Again { pause: self.pause(attempt, random), cut_from: None };
        let (status, retry_after, meaning) = match outcome {
            Outcome::Answer { status, retry_after, meaning } => (status, retry_after, meaning),
            Outcome::Ended { code: Some(0) } => return Consequence::Delivered,
            Outcome::Ended { code: Some(AGAIN) } | Outcome::None => return again,
            Outcome::Ended { .. } => return Consequence::Dead,
        };
        match meaning {
            Meaning::Delivered | Meaning::Rejected { .. } => Consequence::Delivered,
            Meaning::Halve(_) => Consequence::Bisect,
            Meaning::Again(_) | Meaning::Partly(_) => self.again(again, retry_after, now),
            Meaning::ByStatus => self.by_status(status, again, retry_after, now),
        }
    }

    fn by_status(&self, status: u16, again: Consequence, retry_after: Option<&str>, now: Timestamp) -> Consequence {
        match status {
            200..=299 => Consequence::Delivered,
            _ if self.statuses.iter().any(|statuses| statuses.contains(&status)) => self.again(again, retry_after, now),
            413 => Consequence::Halve,
            410 => Consequence::Rest,
            _ => Consequence::Dead,
        }
    }

    /// Once more: when the receiver asks for it, else after the pause of its own.
    fn again(&self, again: Consequence, retry_after: Option<&str>, now: Timestamp) -> Consequence {
        let Some(asked) = retry_after.and_then(|value| parse_retry_after(value, now)) else { return again };
        // A first pause of more than an hour is what the settings want.
        let most = RETRY_AFTER_MAX.max(self.first);
        Consequence::Again { pause: asked.clamp(self.first, most), cut_from: (asked > most).then_some(asked) }
    }
}

/// How long a `Retry-After` asks to wait (RFC 9110, 10.2.3): seconds, also with a fraction, or a date in one of the three
/// forms of 5.6.7. A date in the past is no pause; `None` where it is neither.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    if is_number(whole) && is_number(fraction) {
        // More digits than a number holds is only a very long time.
        let seconds = value.parse().map(Duration::try_from_secs_f64);
        return Some(seconds.ok()?.unwrap_or(Duration::MAX));
    }
    let date = http_date(value)?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The pause that stands in the body of an answer that says "too many requests" (429), in seconds: `retry_after` (Discord),
/// or `parameters.retry_after` (Telegram).
pub fn asked_pause(answer: &Answer<'_>) -> Option<String> {
    if answer.status != 429 {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(answer.body).ok()?;
    let asked = ["/retry_after", "/parameters/retry_after"].into_iter().find_map(|place| body.pointer(place))?;
    Some(asked.as_str().map_or_else(|| asked.to_string(), str::to_owned))
}

fn http_date(value: &str) -> Option<Timestamp> {
    // IMF-fixdate, the only form that may be written; then those of RFC 850 and of asctime, which must be read.
    if let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(value) {
        return Some(date);
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|form| {
        let date = DateTime::strptime(form, value).ok()?;
        TimeZone::UTC.to_timestamp(date).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn again(pause: Duration) -> Consequence {
        Consequence::Again { pause, cut_from: None }
    }

    fn judge(status: u16, retry_after: Option<&str>) -> Consequence {
        Policy::default().judge(
            Outcome::Answer { status, retry_after, meaning: &Meaning::ByStatus },
            0,
            Timestamp::UNIX_EPOCH,
            0.5,
        )
    }

    #[test]
    fn pauses_double_up_to_the_most() {
        let policy = Policy::default();
        for (attempt, least) in [(0, 0.5), (1, 1.0), (2, 2.0), (8, 128.0), (9, 150.0), (31, 150.0), (4_000_000, 150.0)]
        {
            let pause = policy.pause(attempt, 0.0);
            assert_eq!(pause, Duration::from_secs_f64(least), "{attempt}");
            assert_eq!(policy.pause(attempt, 1.0), pause * 2, "{attempt}");
        }
    }

    #[test]
    fn statuses_have_their_verdicts() {
        for status in [200, 202, 204, 299] {
            assert_eq!(judge(status, None), Consequence::Delivered, "{status}");
        }
        for status in [408, 425, 429, 500, 503, 599] {
            assert_eq!(judge(status, None), again(SECOND * 3 / 4), "{status}");
        }
        for status in [300, 301, 304, 307, 308, 400, 401, 404, 409, 422, 600, 999] {
            assert_eq!(judge(status, None), Consequence::Dead, "{status}");
        }
        assert_eq!(judge(413, None), Consequence::Halve);
        assert_eq!(judge(410, None), Consequence::Rest);
        let none = Policy::default().judge(Outcome::None, 1, Timestamp::UNIX_EPOCH, 0.0);
        assert_eq!(none, again(SECOND));
    }

    #[test]
    fn a_commands_exit_status_is_its_answer() {
        let judge = |code| Policy::default().judge(Outcome::Ended { code }, 0, Timestamp::UNIX_EPOCH, 0.5);
        assert_eq!(judge(Some(0)), Consequence::Delivered);
        assert_eq!(judge(Some(75)), again(SECOND * 3 / 4));
        for code in [Some(1), Some(74), Some(127), None] {
            assert_eq!(judge(code), Consequence::Dead, "{code:?}");
        }
    }

    #[test]
    fn a_formats_word_comes_before_the_status() {
        let judge = |status, meaning: Meaning| {
            let outcome = Outcome::Answer { status, retry_after: Some("7"), meaning: &meaning };
            Policy::default().judge(outcome, 0, Timestamp::UNIX_EPOCH, 0.5)
        };
        assert_eq!(judge(200, Meaning::Again(None)), again(SECOND * 7));
        assert_eq!(judge(200, Meaning::Partly(String::new())), again(SECOND * 7));
        assert_eq!(judge(200, Meaning::Halve(None)), Consequence::Bisect);
        assert_eq!(judge(409, Meaning::Delivered), Consequence::Delivered);
        assert_eq!(judge(200, Meaning::Rejected { events: 1, why: String::new() }), Consequence::Delivered);
    }

    #[test]
    fn statuses_can_be_set() {
        let policy = Policy { statuses: vec![404..=410], ..Policy::default() };
        let judge = |status| {
            policy.judge(
                Outcome::Answer { status, retry_after: None, meaning: &Meaning::ByStatus },
                0,
                Timestamp::UNIX_EPOCH,
                0.0,
            )
        };
        assert_eq!(judge(404), again(SECOND / 2));
        assert_eq!(judge(410), again(SECOND / 2));
        assert_eq!(judge(503), Consequence::Dead);
        assert_eq!(judge(200), Consequence::Delivered);
    }

    #[test]
    fn retry_after_is_obeyed_within_bounds() {
        assert_eq!(judge(429, Some("7")), again(SECOND * 7));
        assert_eq!(judge(429, Some("1.5")), again(SECOND * 3 / 2));
        assert_eq!(judge(503, Some("3600")), again(RETRY_AFTER_MAX));
        // Never sooner than the first pause: whoever says 0 is not asked thousands of times a second.
        for soon in [" 0 ", "0.0", "0.25", "Wed, 31 Dec 1969 23:59:00 GMT"] {
            assert_eq!(judge(503, Some(soon)), again(SECOND), "{soon}");
        }
        assert_eq!(judge(503, Some("soon")), again(SECOND * 3 / 4));
        // A point in time in seconds, a number of many digits, a date in another century.
        for far in ["1795479185", "99999999999999999999999", "3601", "Thu, 31 Dec 2099 23:59:59 GMT"] {
            let Consequence::Again { pause, cut_from: Some(asked) } = judge(503, Some(far)) else { panic!("{far}") };
            assert!(pause == RETRY_AFTER_MAX && asked > pause, "{far}: {pause:?} {asked:?}");
        }
        let slow = Policy { first: SECOND * 7200, ..Policy::default() };
        let outcome = Outcome::Answer { status: 503, retry_after: Some("7300"), meaning: &Meaning::ByStatus };
        let verdict = slow.judge(outcome, 0, Timestamp::UNIX_EPOCH, 0.0);
        assert_eq!(verdict, Consequence::Again { pause: slow.first, cut_from: Some(SECOND * 7300) });
        // What is not tried again is not, whatever it asks for.
        assert_eq!(judge(400, Some("7")), Consequence::Dead);
    }

    #[test]
    fn a_pause_in_the_body_is_found() {
        let asked = |status, body: &str| asked_pause(&Answer { status, body: body.as_bytes() });
        // As Discord and Telegram write it.
        assert_eq!(asked(429, r#"{"message":"slow","retry_after":0.65,"global":false}"#), Some("0.65".into()));
        assert_eq!(asked(429, r#"{"ok":false,"parameters":{"retry_after":17}}"#), Some("17".into()));
        assert_eq!(asked(429, r#"{"retry_after":"3"}"#), Some("3".into()));
        assert_eq!(asked(503, r#"{"retry_after":3}"#), None);
        assert_eq!(asked(429, "slow down"), None);
        assert_eq!(asked(429, r#"{"parameters":3}"#), None);
    }

    #[test]
    fn retry_after_is_read_as_a_date() {
        // The example of RFC 9110, 5.6.7.
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_retry_after(date, now), Some(SECOND * 37), "{date}");
        }
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:48:00 GMT", now), Some(Duration::ZERO));
        for wrong in ["", "-1", "1.", ".5", "1.5.0", "1e3", "1,5", "Sun, 32 Nov 1994 08:49:37 GMT", "tomorrow"] {
            assert_eq!(parse_retry_after(wrong, now), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_stays_in_its_bounds(attempt: u32, random in 0.0..1.0, first in 1_u64..100_000, most in 1_u64..1_000_000) {
            let (first, most) = (Duration::from_millis(first), Duration::from_millis(most));
            let policy = Policy { first, most, ..Policy::default() };
            let whole = 2_f64.powf(f64::from(attempt)) * first.as_secs_f64();
            let whole = whole.min(most.as_secs_f64());
            let pause = policy.pause(attempt, random).as_secs_f64();
            prop_assert!(pause >= whole / 2.0 - 1e-6 && pause <= whole + 1e-6, "{pause} of {whole}");
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*", seconds in 0_i64..4_000_000_000) {
            let outcome = Outcome::Answer { status: 503, retry_after: Some(&text), meaning: &Meaning::ByStatus };
            let verdict = Policy::default().judge(outcome, 0, Timestamp::from_second(seconds).unwrap(), 0.5);
            let Consequence::Again { pause, .. } = verdict else { panic!("{verdict:?}") };
            prop_assert!(pause <= RETRY_AFTER_MAX && pause >= SECOND * 3 / 4);
        }
    }
}

//! What the terminal is like: its width, and what its locale can show.

use std::ffi::OsString;
use std::time::{Duration, Instant};

/// The width is looked at so often at most.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// How wide a line may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// As wide as it is: in a file or a pipe.
    #[default]
    Whole,
    /// As the terminal on stdout is now.
    Terminal,
    /// So many columns.
    Columns(usize),
}

/// The width as it was looked at last.
#[derive(Debug, Default)]
pub struct Columns {
    looked: Option<(Instant, Option<usize>)>,
}

impl Columns {
    /// How many columns a line may have; `None` for any number.
    pub fn of(&mut self, width: Width) -> Option<usize> {
        match width {
            Width::Whole => None,
            Width::Columns(columns) => Some(columns),
            Width::Terminal => match self.looked {
                Some((when, columns)) if when.elapsed() < LOOK_PAUSE => columns,
                _ => {
                    let columns = look();
                    self.looked = Some((Instant::now(), columns));
                    columns
                }
            },
        }
    }
}

/// A terminal that does not say how wide it is, as a serial line, has whole lines.
fn look() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Whether the locale's characters are UTF-8, as setlocale(3) finds it in the environment.
pub fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_not_empty_says_the_locale() {
        let of = |set: &[(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert!(!of(&[]));
        assert!(of(&[("LANG", "de_DE.UTF-8")]));
        assert!(of(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]));
        assert!(!of(&[("LC_CTYPE", "en_US.ISO-8859-1"), ("LANG", "C.UTF-8")]));
        assert!(of(&[("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]));
    }

    #[test]
    fn a_width_is_fixed_or_any() {
        assert_eq!(Columns::default().of(Width::Whole), None);
        assert_eq!(Columns::default().of(Width::Columns(80)), Some(80));
    }
}

//! Names of interfaces and network namespaces by patterns: `eth*`, `!veth*`.

use std::borrow::Cow;

use globset::{GlobBuilder, GlobMatcher};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::octets;

/// Patterns in order; the last one that fits decides.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    patterns: Vec<(bool, GlobMatcher)>,
}

impl Globs {
    /// Compiles patterns. One that begins with `!` leaves out what it fits. Where the first pattern leaves out,
    /// everything else is let in.
    pub fn new(patterns: &[String]) -> Result<Globs> {
        let patterns = patterns.iter().map(|pattern| {
            let (accept, glob) = match pattern.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, pattern.as_str()),
            };
            if glob.is_empty() {
                return Err(Error::usage(format_args!(
                    "the pattern '{pattern}' is empty; give a name or a pattern such as 'eth*'"
                )));
            }
            // A backslash stands for itself, as in `\xff`, by which a line shows an octet that is not UTF-8.
            let glob = GlobBuilder::new(glob)
                .backslash_escape(false)
                .build()
                .map_err(|error| Error::usage(format_args!("the pattern '{pattern}' is wrong: {}", error.kind())))?;
            Ok((accept, glob.compile_matcher()))
        });
        Ok(Globs { patterns: patterns.collect::<Result<_>>()? })
    }

    /// Whether there are no patterns, so that everything is accepted.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the name is accepted: patterns are held against it as lines show it ([`octets::shown`]).
    pub fn accept(&self, name: &[u8]) -> bool {
        self.accept_any([name])
    }

    /// Whether something with several names is accepted: the last pattern that fits any of them decides.
    pub fn accept_any<'n>(&self, names: impl IntoIterator<Item = &'n [u8]>) -> bool {
        let names: SmallVec<[Cow<'_, str>; 2]> = names.into_iter().map(octets::shown).collect();
        let fits = |glob: &GlobMatcher| names.iter().any(|name| glob.is_match(&**name));
        match self.patterns.iter().rev().find(|(_, glob)| fits(glob)) {
            Some((accept, _)) => *accept,
            None => self.patterns.first().is_none_or(|(accept, _)| !accept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Globs {
        Globs::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let all_but = globs(&["*", "!veth*", "veth0"]);
        assert!(all_but.accept(b"eth0") && all_but.accept(b"veth0") && !all_but.accept(b"veth1"));
        let not = globs(&["!lo"]);
        assert!(not.accept(b"eth0") && !not.accept(b"lo"));
        let some = globs(&["eth?", "wlan[01]"]);
        assert!(some.accept(b"eth1") && some.accept(b"wlan1") && !some.accept(b"eth10") && !some.accept(b"lo"));
    }

    #[test]
    fn a_name_that_is_not_utf8_is_asked_for_as_lines_show_it() {
        let asked = globs(&["et\\xffh0"]);
        assert!(asked.accept(b"et\xffh0") && !asked.accept(b"et\xfeh0"));
        // The name that has these characters is another one, and is shown otherwise.
        assert!(!asked.accept(b"et\\xffh0") && globs(&["et\\x5cxffh0"]).accept(b"et\\xffh0"));
        assert!(globs(&["a\\*"]).accept(b"a\\b") && globs(&["et*0"]).accept(b"et\xffh0"));
    }

    #[test]
    fn a_wrong_pattern_is_told() {
        let told = Globs::new(&["eth[".into()]).unwrap_err();
        assert_eq!(told.status(), 2);
        assert!(told.to_string().contains("'eth['"), "{told}");
        assert!(Globs::new(&["!".into()]).is_err());
    }
}

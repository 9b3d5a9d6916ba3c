//! Names of interfaces and network namespaces by patterns: `eth*`, `!veth*`.

use globset::{Glob, GlobMatcher};

use crate::error::{Error, Result};

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
            let glob = Glob::new(glob)
                .map_err(|error| Error::usage(format_args!("the pattern '{pattern}' is wrong: {}", error.kind())))?;
            Ok((accept, glob.compile_matcher()))
        });
        Ok(Globs { patterns: patterns.collect::<Result<_>>()? })
    }

    /// Whether there are no patterns, so that everything is accepted.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the name is accepted.
    pub fn accept(&self, name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name);
        let deciding = self.patterns.iter().rev().find(|(_, glob)| glob.is_match(&*name));
        match deciding {
            Some((accept, _)) => *accept,
            None => self.patterns.first().is_none_or(|(accept, _)| !accept),
        }
    }

    /// Whether any of the names is accepted.
    pub fn accept_any(&self, names: &[&[u8]]) -> bool {
        names.iter().any(|name| self.accept(name))
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
    fn a_wrong_pattern_is_told() {
        let told = Globs::new(&["eth[".into()]).unwrap_err();
        assert_eq!(told.status(), 2);
        assert!(told.to_string().contains("'eth['"), "{told}");
        assert!(Globs::new(&["!".into()]).is_err());
    }
}

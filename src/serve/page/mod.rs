//! The page at `/`: one file with all that it needs, which a browser may not mix with anything from elsewhere.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// The page.
pub(super) const PAGE: &str = include_str!("page.html");

/// Its Content-Security-Policy: its own style and script alone, by their digests, and nothing but what linkhook itself answers.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'",
        source("style"),
        source("script")
    )
});

/// What stands between an element's tags, as a policy names it (CSP 3, 2.3.1).
fn source(element: &str) -> String {
    let between = |text: &'static str| text.split_once(&format!("<{element}>"))?.1.split_once(&format!("</{element}>"));
    let text = between(PAGE).map_or("", |(text, _)| text);
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_from_elsewhere() {
        for element in ["style", "script"] {
            assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "one element, without attributes");
            assert!(!source(element).contains(&BASE64_STANDARD.encode(Sha256::digest(""))));
        }
        // The name space of SVG is a name, and no address.
        let addresses = PAGE.replace("http://www.w3.org/2000/svg", "");
        for part in ["http:", "https:", "src=", "@import", "url(", "style=", "onclick", "innerHTML", "eval("] {
            assert!(!addresses.contains(part), "{part}");
        }
    }
}

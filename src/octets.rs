//! What the kernel, a file or a user gives as octets, as text: names need not be UTF-8.

use std::borrow::Cow;

/// Octets as text in which no two of them look alike: one that is not part of UTF-8 becomes `\xff`. A backslash stays as it
/// is, unless it could be taken for the beginning of such an escape: then it becomes `\x5c`.
pub fn shown(octets: &[u8]) -> Cow<'_, str> {
    // As nearly always.
    if let Ok(text) = std::str::from_utf8(octets)
        && !text.contains("\\x")
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for chunk in octets.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            match character {
                '\\' if looks_like_an_escape(&chunk.valid()[at..]) => shown.push_str("\\x5c"),
                _ => shown.push(character),
            }
        }
        chunk.invalid().iter().for_each(|octet| shown.push_str(&format!("\\x{octet:02x}")));
    }
    Cow::Owned(shown)
}

/// Whether text begins as what [`shown`] writes for an octet.
fn looks_like_an_escape(text: &str) -> bool {
    let is_digit = |octet: &u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    matches!(text.as_bytes(), [b'\\', b'x', high, low, ..] if is_digit(high) && is_digit(low))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::shown;

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "eth0", "größe", "a\\b", "C:\\new", "\\x", "\\x5", "\\xg0", "\\X5C", "a\\"] {
            assert_eq!(shown(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_not_utf8_is_escaped() {
        assert_eq!(shown(b"et\xffh0"), "et\\xffh0");
        assert_eq!(shown(b"\xc3"), "\\xc3");
        assert_eq!(shown(b"et\\xffh0"), "et\\x5cxffh0");
        assert_eq!(shown(b"\\x5cxff"), "\\x5cx5cxff");
    }

    #[test]
    fn no_two_names_look_alike() {
        let alphabet = [b"\\".as_slice(), b"x", b"f", b"5", b"c", b"\xff", b"\xc3", b"\xa9"];
        let mut seen = HashSet::new();
        for length in 0..=6_u32 {
            for number in 0..8_usize.pow(length) {
                let name: Vec<u8> =
                    (0..length).flat_map(|place| alphabet[number >> (3 * place) & 7]).copied().collect();
                assert!(seen.insert(shown(&name).into_owned()), "{name:?} looks like another one");
            }
        }
    }
}

//! Writes JSON text into a buffer: commas by themselves, no intermediate values.

/// A buffer of JSON text.
#[derive(Debug, Default, Clone)]
pub struct Json {
    text: Vec<u8>,
}

/// A place in the text, to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Json {
    /// An empty buffer.
    pub fn new() -> Json {
        Json::default()
    }

    /// The text so far, always valid UTF-8.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// Empties the buffer, keeping its memory.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// The text, and an empty buffer in its place.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// The place reached.
    pub fn mark(&self) -> Mark {
        Mark(self.text.len())
    }

    /// Takes back what was written since the mark.
    pub fn back_to(&mut self, mark: Mark) {
        self.text.truncate(mark.0);
    }

    #[inline]
    fn separate(&mut self) {
        if !matches!(self.text.last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
            self.text.push(b',');
        }
    }

    /// Begins a member: its key, which needs no escaping (a key of a table).
    #[inline]
    pub fn key(&mut self, key: &str) {
        self.text.reserve(key.len() + 4);
        self.separate();
        self.text.push(b'"');
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// Begins a member whose key is any text.
    pub fn any_key(&mut self, key: &str) {
        self.string(key);
        self.text.push(b':');
    }

    /// Begins a member with a suffix behind its key: `table_id`.
    pub fn key_with(&mut self, key: &str, suffix: &str) {
        self.separate();
        self.text.push(b'"');
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(suffix.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// Begins an object.
    #[inline]
    pub fn begin_object(&mut self) {
        self.separate();
        self.text.push(b'{');
    }

    /// Ends an object.
    #[inline]
    pub fn end_object(&mut self) {
        self.text.push(b'}');
    }

    /// Begins a list.
    #[inline]
    pub fn begin_list(&mut self) {
        self.separate();
        self.text.push(b'[');
    }

    /// Ends a list.
    #[inline]
    pub fn end_list(&mut self) {
        self.text.push(b']');
    }

    /// A number without sign.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        self.separate();
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A number with a sign.
    pub fn signed(&mut self, value: i64) {
        self.separate();
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A fraction; what JSON has no number for is `null`.
    pub fn float(&mut self, value: f64) {
        self.separate();
        match serde_json::Number::from_f64(value) {
            Some(number) => self.text.extend_from_slice(number.to_string().as_bytes()),
            None => self.text.extend_from_slice(b"null"),
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.separate();
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.separate();
        self.text.extend_from_slice(b"null");
    }

    /// A string.
    pub fn string(&mut self, value: &str) {
        self.begin_string();
        self.continue_string(value);
        self.end_string();
    }

    /// A string that needs no escaping: a name of a table.
    #[inline]
    pub fn plain(&mut self, value: &str) {
        self.separate();
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    /// A member whose key and value need no escaping.
    #[inline]
    pub fn plain_member(&mut self, key: &str, value: &str) {
        self.separate();
        self.text.reserve(key.len() + value.len() + 5);
        self.text.push(b'"');
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":\"");
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    /// A string of octets up to the first NUL; what is not UTF-8 becomes U+FFFD.
    pub fn text(&mut self, value: &[u8]) {
        let end = memchr::memchr(0, value).unwrap_or(value.len());
        match std::str::from_utf8(&value[..end]) {
            Ok(text) => self.string(text),
            Err(_) => self.string(&String::from_utf8_lossy(&value[..end])),
        }
    }

    /// Any value's text form, as a string.
    pub fn display(&mut self, value: impl std::fmt::Display) {
        use std::io::Write;
        self.begin_string();
        let from = self.text.len();
        if write!(self.text, "{value}").is_err() {
            self.text.truncate(from);
        }
        // Rare: what was displayed holds something to escape.
        if self.text[from..].iter().any(|&octet| octet < 0x20 || octet == b'"' || octet == b'\\') {
            let written = String::from_utf8_lossy(&self.text[from..]).into_owned();
            self.text.truncate(from);
            self.continue_string(&written);
        }
        self.end_string();
    }

    /// A string of hexadecimal digits.
    pub fn hex(&mut self, value: &[u8]) {
        self.begin_string();
        for &octet in value {
            self.push_hex(octet);
        }
        self.end_string();
    }

    /// A string of pairs of hexadecimal digits with colons between: a link-layer address.
    pub fn hardware(&mut self, value: &[u8]) {
        self.begin_string();
        for (index, &octet) in value.iter().enumerate() {
            if index > 0 {
                self.text.push(b':');
            }
            self.push_hex(octet);
        }
        self.end_string();
    }

    /// An IPv4 address as a string, by hand: it stands in nearly every line.
    pub fn ipv4(&mut self, value: [u8; 4]) {
        self.begin_string();
        self.push_ipv4(value);
        self.end_string();
    }

    /// Octets of an address inside a string that was begun.
    pub fn push_ipv4(&mut self, value: [u8; 4]) {
        for (index, octet) in value.into_iter().enumerate() {
            if index > 0 {
                self.text.push(b'.');
            }
            self.text.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
        }
    }

    fn push_hex(&mut self, octet: u8) {
        self.text.push(DIGITS[usize::from(octet >> 4)]);
        self.text.push(DIGITS[usize::from(octet & 15)]);
    }

    /// Begins a string that is written in parts.
    pub fn begin_string(&mut self) {
        self.separate();
        self.text.push(b'"');
    }

    /// Writes a part of a string, escaped.
    pub fn continue_string(&mut self, part: &str) {
        let octets = part.as_bytes();
        // Without a branch for each octet: nearly no text needs escaping.
        let escapes =
            octets.iter().fold(false, |any, &octet| any | (octet < 0x20) | (octet == b'"') | (octet == b'\\'));
        if !escapes {
            self.text.extend_from_slice(octets);
            return;
        }
        for &octet in octets {
            match octet {
                b'"' | b'\\' => self.text.extend_from_slice(&[b'\\', octet]),
                b'\n' => self.text.extend_from_slice(b"\\n"),
                b'\t' => self.text.extend_from_slice(b"\\t"),
                b'\r' => self.text.extend_from_slice(b"\\r"),
                0..0x20 => {
                    self.text.extend_from_slice(b"\\u00");
                    self.push_hex(octet);
                }
                _ => self.text.push(octet),
            }
        }
    }

    /// Writes a number without sign as part of a string.
    pub fn continue_unsigned(&mut self, value: u64) {
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Writes a value's text form, which needs no escaping, as part of a string.
    pub fn continue_display(&mut self, value: impl std::fmt::Display) {
        use std::io::Write;
        // Writing to memory does not fail.
        let _ = write!(self.text, "{value}");
    }

    /// Ends a string.
    pub fn end_string(&mut self) {
        self.text.push(b'"');
    }

    /// A value that is JSON text already.
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.text.extend_from_slice(json);
    }

    /// Members that are JSON text already, without braces; nothing where there are none.
    pub fn raw_members(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.raw(members);
        }
    }

    /// What was written since the mark.
    pub fn since(&self, mark: Mark) -> &[u8] {
        &self.text[mark.0..]
    }

    /// Text that is not JSON, as it is.
    pub fn raw_text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Ends a line.
    pub fn newline(&mut self) {
        self.text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_come_by_themselves() {
        let mut json = Json::new();
        json.begin_object();
        json.key("a");
        json.unsigned(1);
        json.key("b");
        json.begin_list();
        json.string("x\"\n\u{1}");
        json.bool(true);
        json.begin_object();
        json.end_object();
        json.end_list();
        json.key_with("table", "_id");
        json.signed(-4);
        json.end_object();
        assert_eq!(String::from_utf8_lossy(json.bytes()), r#"{"a":1,"b":["x\"\n\u0001",true,{}],"table_id":-4}"#);
    }

    #[test]
    fn text_that_ends_in_a_separator_does_not_confuse_the_commas() {
        let mut json = Json::new();
        json.begin_list();
        for part in ["[", "{", ":", ""] {
            json.string(part);
        }
        json.end_list();
        assert_eq!(json.bytes(), br#"["[","{",":",""]"#);
    }

    #[test]
    fn text_ends_at_its_nul_and_stays_utf8() {
        let mut json = Json::new();
        json.text(b"et\xffh0\0rest");
        assert_eq!(String::from_utf8_lossy(json.bytes()), "\"et\u{fffd}h0\"");
    }

    #[test]
    fn a_displayed_value_is_escaped() {
        let mut json = Json::new();
        json.display("a\"b");
        assert_eq!(json.bytes(), br#""a\"b""#);
    }
}

//! Writes JSON text into a buffer: commas by themselves, no intermediate values.

use crate::octets;

/// A buffer of JSON text.
#[derive(Debug, Default, Clone)]
pub struct Json {
    /// Octets from `end` on have no meaning: they are there to be written over, so that a short text of any length is
    /// copied in a move of fixed length.
    text: Vec<u8>,
    end: usize,
    memory: Memory,
}

/// Members that were written before, as text: most objects say much that others have said. Empty until the first.
#[derive(Debug, Default, Clone)]
struct Memory(Vec<Remembered>);

#[derive(Debug, Clone, Copy)]
struct Remembered {
    what: MemberKey,
    /// Octets of the text; 0 where nothing is remembered.
    length: u8,
    /// The member with the comma before it.
    text: [u8; REMEMBERED_BYTES + 1],
}

/// The key under which a written member is remembered: the address of what its value is, the address of its key, and its
/// number.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MemberKey {
    meaning: usize,
    key: usize,
    number: u64,
}

impl MemberKey {
    /// A member whose text follows from what never changes, but for its number.
    pub fn new<T>(meaning: &'static T, key: &Key, number: u64) -> MemberKey {
        MemberKey { meaning: std::ptr::from_ref(meaning) as usize, key: key.name.as_ptr() as usize, number }
    }

    fn place(self) -> usize {
        // By the upper bits of a product, to which every bit adds: a number may hold several small ones.
        let product = (self.meaning as u64 ^ self.number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (product >> (64 - MEMBERS_MAX.ilog2())) as usize
    }
}

/// So many members are remembered at most; a power of two.
const MEMBERS_MAX: usize = 256;
/// Members of more octets are not remembered.
const REMEMBERED_BYTES: usize = 96;

/// A place in the text, to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Octets of room that are made at least when there is not enough.
const GROWTH_BYTES: usize = 1 << 10;

/// The octets behind which no comma comes.
const OPENS: [bool; 256] = octets(b"{[:\n");
/// The octets that stand in a string as they are, of those that are ASCII.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut octet = 0x20;
    while octet < 0x7f {
        plain[octet] = octet != b'"' as usize && octet != b'\\' as usize;
        octet += 1;
    }
    plain
};

/// Whether a character steers a terminal instead of being shown: a control (U+0000 to U+001F, U+007F to U+009F), or one
/// that turns the direction of what stands around it (Unicode's Bidi_Control). Never raw in a line, nor in a diagnostic.
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn octets(those: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < those.len() {
        table[those[at] as usize] = true;
        at += 1;
    }
    table
}

/// The numbers below 1000 as text, with dots behind: a number of an IPv4 address takes one with it.
const SMALL: [[u8; 4]; 1000] = {
    let mut texts = [[b'.'; 4]; 1000];
    let mut number = 0;
    while number < 1000 {
        let digits = [(number / 100) as u8 + b'0', (number / 10 % 10) as u8 + b'0', (number % 10) as u8 + b'0'];
        let skipped = 3 - small_length(number);
        let mut at = 0;
        while at + skipped < 3 {
            texts[number][at] = digits[at + skipped];
            at += 1;
        }
        number += 1;
    }
    texts
};

const fn small_length(number: usize) -> usize {
    1 + (number > 9) as usize + (number > 99) as usize
}

/// Octets of the longest IPv4 address, and the dot that comes with its last number.
const IPV4_BYTES: usize = 16;

/// A key of a table, which needs no escaping, with what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key itself.
    pub name: &'static str,
    /// A comma, the key in quotes, a colon; zeros behind.
    member: [u8; KEY_BYTES + 1],
    /// Octets of that; 0 where it is longer than there is room.
    length: u8,
}

const KEY_BYTES: usize = 32;

impl Key {
    /// Lays out a key.
    pub const fn new(name: &'static str) -> Key {
        let octets = name.as_bytes();
        let mut key = Key { name, member: [0; KEY_BYTES + 1], length: 0 };
        if octets.len() + 4 > KEY_BYTES {
            return key;
        }
        key.member[0] = b',';
        key.member[1] = b'"';
        let mut at = 0;
        while at < octets.len() {
            key.member[at + 2] = octets[at];
            at += 1;
        }
        key.member[at + 2] = b'"';
        key.member[at + 3] = b':';
        key.length = at as u8 + 4;
        key
    }
}

/// Text of so many octets at most is short.
const SHORT_BYTES: usize = 16;

/// Copies short text by moves of fixed length, which may overlap.
#[inline(always)]
fn copy_short(room: &mut [u8; SHORT_BYTES], octets: &[u8]) {
    let length = octets.len();
    if let (Some(first), Some(last)) = (octets.first_chunk::<8>(), octets.last_chunk::<8>()) {
        room[..8].copy_from_slice(first);
        room[length - 8..length].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        room[..4].copy_from_slice(first);
        room[length - 4..length].copy_from_slice(last);
    } else if let ([first, ..], [.., last]) = (octets, octets) {
        room[length / 2] = octets[length / 2];
        room[0] = *first;
        room[length - 1] = *last;
    }
}

impl Json {
    /// An empty buffer.
    pub fn new() -> Json {
        Json::default()
    }

    /// The text so far, always valid UTF-8.
    pub fn bytes(&self) -> &[u8] {
        &self.text[..self.end]
    }

    /// Empties the buffer, keeping its memory.
    pub fn clear(&mut self) {
        self.end = 0;
    }

    /// The text, and an empty buffer in its place.
    pub fn take(&mut self) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.text);
        text.truncate(std::mem::take(&mut self.end));
        text
    }

    /// The place reached.
    pub fn mark(&self) -> Mark {
        Mark(self.end)
    }

    /// Takes back what was written since the mark.
    pub fn back_to(&mut self, mark: Mark) {
        self.end = self.end.min(mark.0);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let wanted = (self.end + bytes).max(self.text.len() * 2).max(GROWTH_BYTES);
        self.text.resize(wanted, 0);
    }

    /// So many octets behind the text, to be written over; `None` where they are not there yet.
    #[inline(always)]
    fn room<const BYTES: usize>(&mut self) -> Option<&mut [u8; BYTES]> {
        self.text.get_mut(self.end..self.end + BYTES)?.try_into().ok()
    }

    /// Writes text; of a constant it is a move or two.
    #[inline(always)]
    fn put(&mut self, octets: &[u8]) {
        match self.text.get_mut(self.end..self.end + octets.len()) {
            Some(room) => {
                room.copy_from_slice(octets);
                self.end += octets.len();
            }
            None => self.put_growing(octets),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_growing(&mut self, octets: &[u8]) {
        self.grow(octets.len());
        self.text[self.end..self.end + octets.len()].copy_from_slice(octets);
        self.end += octets.len();
    }

    /// Writes text that is short most of the time.
    #[inline]
    fn put_short(&mut self, octets: &[u8]) {
        if octets.len() <= SHORT_BYTES
            && let Some(room) = self.room()
        {
            copy_short(room, octets);
            self.end += octets.len();
        } else {
            self.put(octets);
        }
    }

    /// Writes text between quotes, short most of the time.
    #[inline]
    fn put_quoted(&mut self, octets: &[u8]) {
        if octets.len() <= SHORT_BYTES
            && let Some(room) = self.room::<{ SHORT_BYTES + 2 }>()
        {
            room[octets.len() + 1] = b'"';
            let [quote, inside @ .., _] = room;
            *quote = b'"';
            copy_short(inside, octets);
            self.end += octets.len() + 2;
        } else {
            self.put(b"\"");
            self.put(octets);
            self.put(b"\"");
        }
    }

    /// Whether what comes next needs no comma.
    #[inline(always)]
    fn opens(&self) -> bool {
        match self.text.get(self.end.wrapping_sub(1)) {
            Some(&last) => OPENS[usize::from(last)],
            None => true,
        }
    }

    #[inline(always)]
    fn separate(&mut self) {
        if !self.opens() {
            self.put(b",");
        }
    }

    /// Begins a member: its key, which needs no escaping.
    #[inline]
    pub fn key(&mut self, key: &str) {
        self.separate();
        self.put_quoted(key.as_bytes());
        self.put(b":");
    }

    /// Begins a member with a key of a table.
    #[inline]
    pub fn member(&mut self, key: &Key) {
        let skipped = usize::from(self.opens());
        let length = usize::from(key.length);
        match self.room::<KEY_BYTES>() {
            Some(room) if length > 0 => {
                room.copy_from_slice(&key.member[skipped..skipped + KEY_BYTES]);
                self.end += length - skipped;
            }
            _ => self.key(key.name),
        }
    }

    /// Begins a member with a suffix behind its key: `table_id`.
    #[inline]
    pub fn member_with(&mut self, key: &Key, suffix: &str) {
        self.member(key);
        // In the place of the quote and the colon.
        self.end -= 2;
        self.put(suffix.as_bytes());
        self.put(b"\":");
    }

    /// Begins a member whose key is any text.
    pub fn any_key(&mut self, key: &str) {
        self.string(key);
        self.put(b":");
    }

    /// Writes a member as it was written before, the comma too. `false` where it is not remembered.
    #[inline]
    pub fn write_again(&mut self, member: MemberKey) -> bool {
        let skipped = usize::from(self.opens());
        let Some(remembered) = self.memory.0.get(member.place()) else { return false };
        let Some(room) = self.text.get_mut(self.end..self.end + REMEMBERED_BYTES) else { return false };
        if remembered.what != member || remembered.length == 0 {
            return false;
        }
        room.copy_from_slice(&remembered.text[skipped..skipped + REMEMBERED_BYTES]);
        self.end += usize::from(remembered.length) - skipped;
        true
    }

    /// Remembers the member that was written since the mark.
    pub fn remember(&mut self, member: MemberKey, mark: Mark) {
        let written = self.since(mark);
        let written = written.strip_prefix(b",").unwrap_or(written);
        if written.len() + 1 > REMEMBERED_BYTES {
            return;
        }
        let mut remembered =
            Remembered { what: member, length: written.len() as u8 + 1, text: [0; REMEMBERED_BYTES + 1] };
        remembered.text[0] = b',';
        remembered.text[1..=written.len()].copy_from_slice(written);
        if self.memory.0.is_empty() {
            let nothing = Remembered { what: MemberKey::default(), length: 0, text: [0; REMEMBERED_BYTES + 1] };
            self.memory.0 = vec![nothing; MEMBERS_MAX];
        }
        if let Some(place) = self.memory.0.get_mut(member.place()) {
            *place = remembered;
        }
    }

    /// Begins an object.
    #[inline]
    pub fn begin_object(&mut self) {
        self.separate();
        self.put(b"{");
    }

    /// Ends an object.
    #[inline]
    pub fn end_object(&mut self) {
        self.put(b"}");
    }

    /// Begins a list.
    #[inline]
    pub fn begin_list(&mut self) {
        self.separate();
        self.put(b"[");
    }

    /// Ends a list.
    #[inline]
    pub fn end_list(&mut self) {
        self.put(b"]");
    }

    /// A number without sign.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        self.separate();
        self.continue_unsigned(value);
    }

    /// A number with a sign.
    pub fn signed(&mut self, value: i64) {
        self.separate();
        self.put(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A fraction; what JSON has no number for is `null`.
    pub fn float(&mut self, value: f64) {
        self.separate();
        match serde_json::Number::from_f64(value) {
            Some(number) => self.put(number.to_string().as_bytes()),
            None => self.put(b"null"),
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.separate();
        self.put(if value { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.separate();
        self.put(b"null");
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
        self.put_quoted(value.as_bytes());
    }

    /// A name of a table behind a key, where no comma can come before it.
    #[inline]
    pub fn named(&mut self, value: &str) {
        self.put_quoted(value.as_bytes());
    }

    /// A member whose key and value need no escaping.
    #[inline]
    pub fn plain_member(&mut self, key: &str, value: &str) {
        self.key(key);
        self.plain(value);
    }

    /// A string of octets up to the first NUL; what is not UTF-8 is escaped, as [`octets::shown`] does.
    #[inline]
    pub fn text(&mut self, value: &[u8]) {
        // Nearly always it is plain ASCII: one look at each octet says so.
        let plain = value.iter().position(|&octet| !PLAIN[usize::from(octet)]).unwrap_or(value.len());
        if value.get(plain).is_none_or(|&octet| octet == 0) {
            self.separate();
            self.put_quoted(&value[..plain]);
        } else {
            self.any_text(value);
        }
    }

    fn any_text(&mut self, value: &[u8]) {
        let end = memchr::memchr(0, value).unwrap_or(value.len());
        self.string(&octets::shown(&value[..end]));
    }

    /// Any value's text form, as a string.
    pub fn display(&mut self, value: impl std::fmt::Display) {
        self.begin_string();
        let from = self.end;
        self.continue_display(value);
        // Rare: what was displayed holds something to escape.
        let written = &self.text[from..self.end];
        if written.iter().any(|&octet| !PLAIN[usize::from(octet)]) {
            let written = String::from_utf8_lossy(written).into_owned();
            self.end = from;
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
                self.put(b":");
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
    #[inline]
    pub fn push_ipv4(&mut self, value: [u8; 4]) {
        let mut text = [0; IPV4_BYTES];
        let mut length = 0;
        for octet in value.map(usize::from) {
            // The dot comes with it.
            text[length..length + 4].copy_from_slice(&SMALL[octet]);
            length += small_length(octet) + 1;
        }
        // But not behind the last one.
        length -= 1;
        match self.room::<IPV4_BYTES>() {
            Some(room) => {
                *room = text;
                self.end += length;
            }
            None => self.put(&text[..length]),
        }
    }

    #[inline]
    fn push_hex(&mut self, octet: u8) {
        self.put(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    }

    /// Begins a string that is written in parts.
    pub fn begin_string(&mut self) {
        self.separate();
        self.put(b"\"");
    }

    /// Writes a part of a string, escaped.
    pub fn continue_string(&mut self, part: &str) {
        let octets = part.as_bytes();
        // Without a branch for each octet: nearly no text needs escaping, or a closer look.
        let closer = octets
            .iter()
            .fold(false, |any, &octet| any | !(0x20..0x7f).contains(&octet) | (octet == b'"') | (octet == b'\\'));
        if closer {
            self.continue_escaped(part);
        } else {
            self.put(octets);
        }
    }

    #[cold]
    fn continue_escaped(&mut self, part: &str) {
        let mut written = 0;
        for (at, character) in part.char_indices() {
            if !(steers(character) || matches!(character, '"' | '\\')) {
                continue;
            }
            self.put(&part.as_bytes()[written..at]);
            written = at + character.len_utf8();
            match character {
                '"' => self.put(b"\\\""),
                '\\' => self.put(b"\\\\"),
                '\n' => self.put(b"\\n"),
                '\t' => self.put(b"\\t"),
                '\r' => self.put(b"\\r"),
                _ => {
                    // All of them are below U+10000.
                    self.put(b"\\u");
                    (character as u32 as u16).to_be_bytes().into_iter().for_each(|octet| self.push_hex(octet));
                }
            }
        }
        self.put(&part.as_bytes()[written..]);
    }

    /// Writes a part of a string that needs no escaping.
    #[inline]
    pub fn continue_plain(&mut self, part: &str) {
        self.put_short(part.as_bytes());
    }

    /// Writes a number without sign as part of a string, or where no comma comes before it.
    #[inline]
    pub fn continue_unsigned(&mut self, value: u64) {
        match SMALL.get(value as usize) {
            Some(small) => {
                self.put(small);
                self.end -= 4 - small_length(value as usize);
            }
            None => self.put_short(itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    /// Writes a value's text form, which needs no escaping, as part of a string.
    pub fn continue_display(&mut self, value: impl std::fmt::Display) {
        use std::fmt::Write;
        let from = self.end;
        if write!(self, "{value}").is_err() {
            self.end = from;
        }
    }

    /// Ends a string.
    pub fn end_string(&mut self) {
        self.put(b"\"");
    }

    /// A value that is JSON text already.
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.put(json);
    }

    /// Members that are JSON text already, without braces; nothing where there are none.
    pub fn raw_members(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.raw(members);
        }
    }

    /// What was written since the mark.
    pub fn since(&self, mark: Mark) -> &[u8] {
        &self.text[mark.0.min(self.end)..self.end]
    }

    /// Text as it is: a constant that spells out some JSON, or what is none.
    #[inline(always)]
    pub fn raw_text(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// A line that is there already, without its end.
    pub fn line(&mut self, line: &[u8]) {
        self.put(line);
        self.newline();
    }

    /// Adds whole lines.
    pub fn lines(&mut self, lines: &[u8]) {
        self.put(lines);
    }

    /// Ends a line.
    pub fn newline(&mut self) {
        self.put(b"\n");
    }
}

impl std::fmt::Write for Json {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;

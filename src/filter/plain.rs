//! Plain comparisons, such as `.route.table == "main" and .route.metric < 100`: the jq expressions that most people write. They are
//! read here and held against a line's octets, which costs far less than jq does. Whatever is not certain to mean the same there as
//! jq means by it, an error among it, is left to jq.

use memchr::{memchr2, memchr3};

/// A jq expression of paths, literals and comparisons, joined by `and` and `or`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plain(Or);

type Or = Vec<Vec<Term>>;

/// What is so or not.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// The value there is neither null nor false.
    Is(Path),
    /// A comparison with a literal.
    Compares(Path, Comparison, Literal),
    /// In parentheses.
    Inside(Or),
}

/// `.a.b`.
type Path = Vec<String>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Bool(bool),
    Integer(i128),
    Text(String),
}

/// Parentheses in parentheses, so many at most.
const DEPTH_MAX: usize = 16;

impl Plain {
    /// Reads an expression; `None` where it is anything else.
    pub fn parse(code: &str) -> Option<Plain> {
        let mut rest = code.trim();
        let or = parse_or(&mut rest, 0)?;
        rest.is_empty().then_some(Plain(or))
    }

    /// Whether a line's event is so; `None` where jq has to say.
    pub fn accepts(&self, line: &[u8]) -> Option<bool> {
        // With anything before it, a line is no event on which a filter decides.
        if line.first() != Some(&b'{') {
            return None;
        }
        any_holds(&self.0, line)
    }
}

fn any_holds(or: &Or, line: &[u8]) -> Option<bool> {
    for all in or {
        let mut holds = true;
        for term in all {
            holds = match term {
                Term::Is(path) => !matches!(value(line, path)?, b"null" | b"false"),
                Term::Compares(path, comparison, literal) => comparison.holds(compare(value(line, path)?, literal)?),
                Term::Inside(or) => any_holds(or, line)?,
            };
            if !holds {
                break;
            }
        }
        if holds {
            return Some(true);
        }
    }
    Some(false)
}

impl Comparison {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::Unequal => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        }
    }
}

/// How a value stands to a literal: jq orders null, false, true, numbers, texts, lists and objects so.
fn compare(value: &[u8], literal: &Literal) -> Option<std::cmp::Ordering> {
    let rank = match literal {
        Literal::Null => 0,
        Literal::Bool(is) => 1 + usize::from(*is),
        Literal::Integer(_) => 3,
        Literal::Text(_) => 4,
    };
    let value_rank = match *value.first()? {
        b'n' => 0,
        b'f' => 1,
        b't' => 2,
        b'"' => 4,
        b'[' => 5,
        b'{' => 6,
        _ => 3,
    };
    if value_rank != rank {
        return Some(value_rank.cmp(&rank));
    }
    match literal {
        Literal::Null | Literal::Bool(_) => Some(std::cmp::Ordering::Equal),
        // A number with a fraction or an exponent is jq's to read.
        Literal::Integer(number) => Some(std::str::from_utf8(value).ok()?.parse::<i128>().ok()?.cmp(number)),
        Literal::Text(text) => {
            let inside = &value[1..value.len() - 1];
            memchr::memchr(b'\\', inside).is_none().then(|| inside.cmp(text.as_bytes()))
        }
    }
}

/// The value behind a path, `null` where there is none; `None` where what is on the way is no object, which is an error of jq's, or
/// the line is none of linkhook's.
fn value<'l>(line: &'l [u8], path: &[String]) -> Option<&'l [u8]> {
    let mut value = line;
    for key in path {
        if value == b"null" {
            continue;
        }
        value = member(value, key.as_bytes())?;
    }
    Some(value)
}

/// The value of an object's key; `null` where it has none.
fn member<'l>(object: &'l [u8], key: &[u8]) -> Option<&'l [u8]> {
    let mut rest = object.strip_prefix(b"{")?;
    let mut found: &[u8] = b"null";
    if rest.first() == Some(&b'}') {
        return Some(found);
    }
    loop {
        let (name, behind) = text(rest)?;
        let behind = behind.strip_prefix(b":")?;
        let (value, behind) = skip(behind)?;
        // A key with an escape in it may be any.
        if memchr::memchr(b'\\', name).is_some() {
            return None;
        }
        if name == key {
            // The last one counts.
            found = value;
        }
        match behind.split_first()? {
            (b',', behind) => rest = behind,
            (b'}', _) => return Some(found),
            _ => return None,
        }
    }
}

/// A text without its quotes, and what is behind it.
fn text(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = octets.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', inside.get(at..)?)?;
        if inside[at] == b'"' {
            return Some((&inside[..at], &inside[at + 1..]));
        }
        at += 2;
    }
}

/// A value, and what is behind it.
fn skip(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match octets.first()? {
        b'"' => octets.len() - text(octets)?.1.len(),
        b'{' | b'[' => end_of_nest(octets)?,
        b'n' | b't' | b'f' | b'-' | b'0'..=b'9' => memchr3(b',', b'}', b']', octets)?,
        _ => return None,
    };
    let (value, behind) = octets.split_at(end);
    // linkhook writes no blanks; with them a value could not be told from another.
    (!value.last()?.is_ascii_whitespace()).then_some((value, behind))
}

/// Where an object or a list ends.
fn end_of_nest(octets: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match octets.get(at)? {
            b'"' => at = octets.len() - text(&octets[at..])?.1.len(),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// Takes a word off, which no letter follows.
fn take_word(rest: &mut &str, word: &str) -> bool {
    let Some(behind) = rest.strip_prefix(word) else { return false };
    let ends = behind.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_' && next != ':');
    if ends {
        *rest = behind.trim_start();
    }
    ends
}

fn parse_or(rest: &mut &str, depth: usize) -> Option<Or> {
    let mut or = vec![parse_and(rest, depth)?];
    while take_word(rest, "or") {
        or.push(parse_and(rest, depth)?);
    }
    Some(or)
}

fn parse_and(rest: &mut &str, depth: usize) -> Option<Vec<Term>> {
    let mut and = vec![parse_term(rest, depth)?];
    while take_word(rest, "and") {
        and.push(parse_term(rest, depth)?);
    }
    Some(and)
}

fn parse_term(rest: &mut &str, depth: usize) -> Option<Term> {
    if let Some(inside) = rest.strip_prefix('(') {
        if depth == DEPTH_MAX {
            return None;
        }
        *rest = inside.trim_start();
        let or = parse_or(rest, depth + 1)?;
        *rest = rest.strip_prefix(')')?.trim_start();
        return Some(Term::Inside(or));
    }
    let path = parse_path(rest)?;
    let comparisons = [
        ("==", Comparison::Equal),
        ("!=", Comparison::Unequal),
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let Some((word, comparison)) = comparisons.into_iter().find(|(word, _)| rest.starts_with(word)) else {
        return Some(Term::Is(path));
    };
    *rest = rest[word.len()..].trim_start();
    Some(Term::Compares(path, comparison, parse_literal(rest)?))
}

fn parse_path(rest: &mut &str) -> Option<Path> {
    let mut path = Vec::new();
    while let Some(behind) = rest.strip_prefix('.') {
        let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(behind.len());
        let (key, behind) = behind.split_at(end);
        if !key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        path.push(key.to_owned());
        *rest = behind;
    }
    *rest = rest.trim_start();
    (!path.is_empty()).then_some(path)
}

fn parse_literal(rest: &mut &str) -> Option<Literal> {
    for (word, literal) in [("null", Literal::Null), ("true", Literal::Bool(true)), ("false", Literal::Bool(false))] {
        if take_word(rest, word) {
            return Some(literal);
        }
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let (text, behind) = inside.split_once('"')?;
        *rest = behind.trim_start();
        return (!text.contains('\\')).then(|| Literal::Text(text.to_owned()));
    }
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let length = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    let (number, behind) = rest.split_at(rest.len() - digits.len() + length);
    // What follows must not make it another number or another expression.
    let ends = behind.chars().next().is_none_or(|next| next.is_whitespace() || next == ')');
    let number = if ends && length <= 30 { number.parse().ok()? } else { return None };
    *rest = behind.trim_start();
    Some(Literal::Integer(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::jq::Jq;

    const LINE: &str = r#"{"v":1,"event":"route","signals":["up"],"route":{"dst":"default","metric":100,"big":18446744073709551615,"cost":1.5,"on":true,"off":false,"none":null,"dev":"a\"b","nested":{"x":{"y":-3},"list":[{"dst":"}"}]}}}"#;

    #[test]
    fn what_is_plain_is_read_and_nothing_else() {
        for code in [
            ".a",
            ".a.b == \"x\"",
            "(.a)",
            ".a!=1 and .b>=-2 or .c",
            "(.a or .b) and (.c == null)",
            " .a_1\n==\n\"\u{e9}\" ",
            ".route.metric<5",
        ] {
            assert!(Plain::parse(code).is_some(), "{code}");
        }
        for code in [
            "",
            ".",
            "a",
            ".a | .b",
            ".a == .b",
            "1 == .a",
            ".a[0]",
            ".a == 1.5",
            ".a == 1e3",
            ".a == \"\\n\"",
            ".a == \"\\(.b)\"",
            ".a // 1",
            ".a.",
            ".\"a\"",
            "..a",
            ".a == 1 == 2",
            "not",
            ".a | not",
            ".a andx .b",
            ".a == nullx",
            ".a == 1, 2",
            ".a?",
            ".a == 1 + 1",
            ".a == -",
            ".a and",
            "(.a",
            ".a)",
            ".1",
            ".a = 1",
            ".a == 1#",
            "-.a",
        ] {
            assert_eq!(Plain::parse(code), None, "{code}");
        }
        assert_eq!(Plain::parse(&format!("{}.a{}", "(".repeat(20), ")".repeat(20))), None);
    }

    #[test]
    fn lines_that_are_not_certain_are_left_to_jq() {
        let accepts = |code: &str, line: &str| Plain::parse(code).unwrap().accepts(line.as_bytes());
        assert_eq!(accepts(".route.dst == \"default\"", LINE), Some(true));
        for (code, line) in [
            (".route.dst.x", LINE),
            (".signals.x == 1", LINE),
            (".route.dev == \"a\"", LINE),
            (".route.cost > 1", LINE),
            (".a", " {\"a\":1}"),
            (".a", "{ \"a\":1}"),
            (".a == 1", "{\"a\":1 }"),
            (".a == 1", "{\"\\u0061\":1}"),
            (".a", "{\"a\":"),
            (".a", "{\"a\":1"),
            (".a", "[]"),
            (".a", ""),
        ] {
            assert_eq!(accepts(code, line), None, "{code} {line}");
        }
    }

    #[test]
    fn each_comparison_is_jqs() {
        let literals = ["null", "false", "true", "99", "100", "101", "\"default\"", "\"default0\"", "\"\""];
        let paths = [
            ".route.metric",
            ".route.dst",
            ".route.on",
            ".route.off",
            ".route.none",
            ".route.no",
            ".signals",
            ".route",
        ];
        for comparison in ["==", "!=", "<", "<=", ">", ">="] {
            for (path, literal) in paths.iter().flat_map(|path| literals.map(|literal| (path, literal))) {
                let code = format!("{path} {comparison} {literal}");
                let by_jq = Jq::new(&code).unwrap().accepts(LINE.as_bytes()).unwrap();
                assert_eq!(Plain::parse(&code).unwrap().accepts(LINE.as_bytes()), Some(by_jq), "{code}");
            }
        }
    }

    fn literal() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            (-200..200_i64).prop_map(|number| number.to_string()),
            Just("18446744073709551615".to_owned()),
            prop::sample::select(vec!["default", "route", "", "z", "a"]).prop_map(|text| format!("\"{text}\"")),
        ]
    }

    fn expression() -> impl Strategy<Value = String> {
        let path = prop::sample::select(vec![
            ".event",
            ".v",
            ".no",
            ".no.more",
            ".signals",
            ".route",
            ".route.dst",
            ".route.metric",
            ".route.big",
            ".route.cost",
            ".route.on",
            ".route.off",
            ".route.none",
            ".route.none.x",
            ".route.dev",
            ".route.nested.x.y",
            ".route.nested.list",
            ".route.dst.x",
            ".signals.x",
        ]);
        let comparison = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
        let term = prop_oneof![
            path.clone().prop_map(str::to_owned),
            (path, comparison, literal())
                .prop_map(|(path, comparison, literal)| format!("{path} {comparison} {literal}")),
        ];
        term.prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} and {other}")),
                (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} or {other}")),
                inner.prop_map(|one| format!("({one})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn it_says_what_jq_says(code in expression()) {
            let plain = Plain::parse(&code).unwrap();
            let by_jq = Jq::new(&code).unwrap().accepts(LINE.as_bytes());
            // Where it says nothing, jq does.
            if let Some(accepts) = plain.accepts(LINE.as_bytes()) {
                prop_assert_eq!(by_jq, Ok(accepts), "{}", code);
            }
        }

        #[test]
        fn whatever_a_line_is_it_is_read_or_left(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let plain = Plain::parse(".a.b == 1").unwrap();
            let _ = plain.accepts(&octets);
            let _ = plain.accepts(&[b"{\"a\":", octets.as_slice()].concat());
        }

        #[test]
        fn whatever_an_expression_is_it_is_read_or_left(code in "[ .a-c=!<>()\"0-9andor-]{0,20}") {
            if let Some(plain) = Plain::parse(&code)
                && let Some(accepts) = plain.accepts(br#"{"a":{"b":1},"b":"x","c":[1]}"#)
                && let Ok(jq) = Jq::new(&code)
            {
                prop_assert_eq!(jq.accepts(br#"{"a":{"b":1},"b":"x","c":[1]}"#), Ok(accepts), "{}", code);
            }
        }
    }
}

//! A jq expression over event lines, run by jaq. It may exhaust the stack, take all memory or never end: so it is run, and
//! compiled, in a child (`cli/jq_worker.rs`), and nowhere else but in tests.

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Import, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Val, read};

use crate::error::{Error, Result};

/// So much of an expression's line is shown with an error.
const SHOWN_CHARACTERS: usize = 100;

/// What jq 1.7 has beside what jaq brings.
const DEFINITIONS: &str = include_str!("jq.jq");

/// A compiled expression.
pub struct Jq {
    filter: Filter<JustLut<Val>>,
}

impl std::fmt::Debug for Jq {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Jq")
    }
}

impl Jq {
    /// Compiles a filter; an error shows its place.
    pub fn new(code: &str) -> Result<Jq> {
        Jq::called("the jq filter", code)
    }

    /// Compiles an expression that errors call so.
    pub fn called(what: &str, code: &str) -> Result<Jq> {
        let own = jaq_core::load::parse(DEFINITIONS, |parser| parser.defs()).unwrap_or_default();
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(own);
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .with_read(|_: Import<'_, &str, ()>| Err("there are no modules to import or include here".into()))
            .load(&arena, File { code, path: () })
            .map_err(|errors| Error::usage(load_error(what, code, errors)))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| Error::usage(compile_error(what, code, errors)))?;
        Ok(Jq { filter })
    }

    /// Whether the expression accepts the line: any output but `null` and `false` does. An error while it runs is given
    /// back in words.
    pub fn accepts(&self, line: &[u8]) -> std::result::Result<bool, String> {
        self.run(line, |output| !matches!(output, Val::Null | Val::Bool(false)))
    }

    /// What the expression gives for the line, as `jq -r` writes it: text as it is, all else as JSON, each with a newline.
    pub fn prints(&self, line: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let mut out = Vec::new();
        self.run(line, |output| {
            match output {
                Val::TStr(text) | Val::BStr(text) => out.extend_from_slice(text),
                other => out.extend_from_slice(other.to_string().as_bytes()),
            }
            out.push(b'\n');
            false
        })?;
        Ok(out)
    }

    /// The one value that the expression gives, if it gives any: text as it is, all else as JSON; or all of it as JSON. The
    /// error says what it does instead.
    pub fn gives_one(&self, input: &[u8], as_json: bool) -> std::result::Result<Option<Vec<u8>>, String> {
        let mut outputs = Vec::new();
        let has_several = self.run(input, |output| {
            outputs.push(match output {
                Val::TStr(text) | Val::BStr(text) if !as_json => text.to_vec(),
                other => other.to_string().into_bytes(),
            });
            outputs.len() > 1
        });
        match has_several {
            Ok(true) => Err("gives several values; one is needed, such as [.events[].seq]".into()),
            Ok(false) => Ok(outputs.pop()),
            Err(why) => Err(format!("failed: {why}")),
        }
    }

    /// Runs the expression, and gives each of its outputs away until that is enough, which it gives back.
    fn run(&self, line: &[u8], mut give: impl FnMut(&Val) -> bool) -> std::result::Result<bool, String> {
        let input = read::parse_single(line).map_err(|error| error.to_string())?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        for output in self.filter.id.run((context, input)) {
            match output {
                Ok(output) if give(&output) => return Ok(true),
                Ok(_) => {}
                // What is no error wants to end the process (`halt`), which is not a filter's to end.
                Err(exception) => {
                    return Err(exception.get_err().map_or_else(|_| "it halts".into(), |error| error.to_string()));
                }
            }
        }
        Ok(false)
    }
}

/// "what is wrong" with the line of the expression and a mark below the place.
fn at(called: &str, code: &str, part: &str, what: &str) -> String {
    let start = load::span(code, part).start.min(code.len());
    let line_start = code[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = code[line_start..].lines().next().unwrap_or_default();
    let column = code[line_start..start].chars().count();
    let number = code[..start].matches('\n').count() + 1;
    // Of a long line, what is around the place.
    let hidden = if column < SHOWN_CHARACTERS { 0 } else { column - SHOWN_CHARACTERS / 2 };
    let line: String = line.chars().skip(hidden).take(SHOWN_CHARACTERS).collect();
    let marks = part.lines().next().map_or(1, |first| first.chars().count().clamp(1, SHOWN_CHARACTERS / 2));
    format!(
        "in {called}, line {number}, column {}: {what}\n  {line}\n  {}{}",
        column + 1,
        " ".repeat(column - hidden),
        "^".repeat(marks)
    )
}

fn load_error(called: &str, code: &str, errors: load::Errors<&str, ()>) -> String {
    let mut told = Vec::new();
    for (_, error) in errors {
        match error {
            load::Error::Io(list) => told.extend(list.into_iter().map(|(part, error)| at(called, code, part, &error))),
            load::Error::Lex(list) => told.extend(
                list.into_iter()
                    .map(|(expected, part)| at(called, code, part, &format!("expected {}", expected.as_str()))),
            ),
            load::Error::Parse(list) => told.extend(
                list.into_iter()
                    .map(|(expected, part)| at(called, code, part, &format!("expected {}", expected.as_str()))),
            ),
        }
    }
    told.join("\n")
}

fn compile_error(called: &str, code: &str, errors: jaq_core::compile::Errors<&str, ()>) -> String {
    let told = errors.into_iter().flat_map(|(_, list)| list);
    told.map(|(name, undefined)| at(called, code, name, &format!("there is no {} named {name}", undefined.as_str())))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_is_neither_null_nor_false() {
        let line = br#"{"event":"route","route":{"dst":"default"}}"#;
        for (code, accepted) in [
            (r#"select(.event=="route")"#, true),
            (r#"select(.event=="link")"#, false),
            (r#".route.dst == "default""#, true),
            (".route.gateway", false),
            (".missing, .event", true),
        ] {
            assert_eq!(Jq::new(code).unwrap().accepts(line), Ok(accepted), "{code}");
        }
        assert!(Jq::new(".event + 1").unwrap().accepts(line).is_err());
        // It ends the filter, and nothing else.
        assert_eq!(Jq::new("halt").unwrap().accepts(line), Err("it halts".into()));
    }

    #[test]
    fn prints_what_jq_prints() {
        let line = br#"{"a":"x\ty","b":[1,null,{"c":"d"}],"n":1.5}"#;
        for (code, printed) in [
            (".a", "x\ty\n"),
            (".b", "[1,null,{\"c\":\"d\"}]\n"),
            (".missing", "null\n"),
            (".a, .n", "x\ty\n1.5\n"),
            ("empty", ""),
            ("[.a, .n, null, true] | @tsv", "x\\ty\t1.5\t\ttrue\n"),
            ("[.a, .n, \"q\\\"q\"] | @csv", "\"x\ty\",1.5,\"q\"\"q\"\n"),
            ("@sh \"echo \\(.a)\"", "echo 'x\ty'\n"),
        ] {
            let printed_by = Jq::new(code).unwrap().prints(line).map(|told| String::from_utf8(told).unwrap());
            assert_eq!(printed_by, Ok(printed.to_owned()), "{code}");
        }
        assert!(Jq::new(".a + 1").unwrap().prints(line).is_err());
        let told = Jq::called("--print", ".a ==").err().unwrap().to_string();
        assert!(told.starts_with("in --print, line 1, column 6"), "{told}");
    }

    #[test]
    fn one_value_is_given_or_none() {
        let one = |code: &str, as_json| {
            let given = Jq::new(code).unwrap().gives_one(br#"{"a":"x\ty","b":[1,null]}"#, as_json);
            given.map(|given| given.map(|given| String::from_utf8(given).unwrap()))
        };
        assert_eq!(one(".a", false), Ok(Some("x\ty".into())));
        assert_eq!(one(".a", true), Ok(Some(r#""x\ty""#.into())));
        assert_eq!(one(".b", false), Ok(Some("[1,null]".into())));
        assert_eq!(one("empty", false), Ok(None));
        assert!(one(".b[]", false).unwrap_err().starts_with("gives several values"));
        assert!(one(".a + 1", false).unwrap_err().starts_with("failed: "));
        assert!(one("1, error", false).unwrap_err().starts_with("failed: "));
    }

    #[test]
    fn what_jq_has_and_jaq_has_not_is_defined() {
        assert!(jaq_core::load::parse(DEFINITIONS, |parser| parser.defs()).is_some());
        for code in [
            "2 | IN(1, 2)",
            "(3 | IN(1, 2)) | not",
            "IN(1, 2; 5, 2)",
            "[{\"a\":1,\"b\":2}] | INDEX(.a) == {\"1\":{\"a\":1,\"b\":2}}",
            "INDEX({\"a\":\"x\"}; .a) == {\"x\":{\"a\":\"x\"}}",
            "65 | ascii == \"A\"",
            "1 | toarray == [1]",
            "[1] | toarray == [1]",
            "\"xax\" | trimstr(\"x\") == \"a\"",
            "0 | date == \"1970-01-01T00:00:00Z\"",
            "1 | dateadd(\"seconds\"; 2) == 3",
            "1 | datesub(\"seconds\"; 2) == -1",
            "[{\"a\":[1,2]} | tostream] == [[[\"a\",0],1],[[\"a\",1],2],[[\"a\",1]],[[\"a\"]]]",
            "{\"a\":[1,{\"b\":2}]} | fromstream(tostream) == .",
            "[1 | truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])] == [[[0],2],[[0]]]",
            "[{\"a\":1} | leaf_paths] == [[\"a\"]]",
            "[[1] | recurse_down] == [[1],1]",
            "isvalid(1) and (isvalid(error) | not)",
            "([\"a\", null, 1, true] | join(\"-\")) == \"a--1-true\" and ([] | join(\"-\")) == \"\"",
            "have_decnum or have_literal_numbers",
            "[{\"name\":\"a\",\"value\":1},{\"k\":\"b\",\"v\":2}] | from_entries == {\"a\":1,\"b\":2}",
        ] {
            assert_eq!(Jq::new(code).unwrap().accepts(b"{}"), Ok(true), "{code}");
        }
    }

    #[test]
    fn an_error_shows_its_place() {
        let told = Jq::new(".event ==").unwrap_err().to_string();
        assert!(told.contains("line 1, column 10") && told.contains("expected"), "{told}");
        let told = Jq::new("select(.a) |\n  selekt(.b)").unwrap_err().to_string();
        assert!(told.contains("line 2, column 3") && told.contains("no filter named selekt"), "{told}");
        // Of a long line a part, with the mark below the place.
        let told = Jq::new(&format!("{}selekt(.b){}", ". | ".repeat(100), " | .".repeat(100))).unwrap_err().to_string();
        let [told, line, mark] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
        assert!(told.contains("line 1, column 401: ") && line.len() == 102, "{told}\n{line}");
        assert_eq!(line.find("selekt"), mark.find("^^^^^^"), "{line}\n{mark}");
    }
}

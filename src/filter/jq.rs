//! A jq expression over event lines, run by jaq. It may exhaust the stack, take all memory or never end: so it is run, and
//! compiled, in a child (`cli/jq_worker.rs`), and nowhere else but in tests.

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Import, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Val, read};

use crate::error::{Error, Result};

/// So much of an expression's line is shown with an error.
const SHOWN_CHARACTERS: usize = 100;

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
    /// Compiles an expression; an error shows its place.
    pub fn new(code: &str) -> Result<Jq> {
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .with_read(|_: Import<'_, &str, ()>| Err("there are no modules to import or include here".into()))
            .load(&arena, File { code, path: () })
            .map_err(|errors| Error::usage(load_error(code, errors)))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| Error::usage(compile_error(code, errors)))?;
        Ok(Jq { filter })
    }

    /// Whether the expression accepts the line: any output but `null` and `false` does. An error while it runs is given
    /// back in words.
    pub fn accepts(&self, line: &[u8]) -> std::result::Result<bool, String> {
        let input = read::parse_single(line).map_err(|error| error.to_string())?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        for output in self.filter.id.run((context, input)) {
            match output {
                Ok(Val::Null | Val::Bool(false)) => {}
                Ok(_) => return Ok(true),
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
fn at(code: &str, part: &str, what: &str) -> String {
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
        "in the jq filter, line {number}, column {}: {what}\n  {line}\n  {}{}",
        column + 1,
        " ".repeat(column - hidden),
        "^".repeat(marks)
    )
}

fn load_error(code: &str, errors: load::Errors<&str, ()>) -> String {
    let mut told = Vec::new();
    for (_, error) in errors {
        match error {
            load::Error::Io(list) => told.extend(list.into_iter().map(|(part, error)| at(code, part, &error))),
            load::Error::Lex(list) => told.extend(
                list.into_iter().map(|(expected, part)| at(code, part, &format!("expected {}", expected.as_str()))),
            ),
            load::Error::Parse(list) => told.extend(
                list.into_iter().map(|(expected, part)| at(code, part, &format!("expected {}", expected.as_str()))),
            ),
        }
    }
    told.join("\n")
}

fn compile_error(code: &str, errors: jaq_core::compile::Errors<&str, ()>) -> String {
    let told = errors.into_iter().flat_map(|(_, list)| list);
    told.map(|(name, undefined)| at(code, name, &format!("there is no {} named {name}", undefined.as_str())))
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

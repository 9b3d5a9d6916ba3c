//! Where lines go: their formats, and the writer before a slow reader.

pub mod text;
pub mod writer;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// One short line for eyes; `true` for colours.
    Text(bool),
}

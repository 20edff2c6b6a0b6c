//! Stages of a log pipeline.

use super::LabelFilter;
use gantry_model::Matcher;

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `|= "text"` and its relatives: keeps or drops the line by its text as earlier stages left it.
    LineFilter(LineFilterExpr),
    /// `| json` (no extractions: every field of the object, nested names joined by `_`) or `| json a="x.y[0]"` (only
    /// these). An extraction's expression is a path: `a.b`, `a["b"]`, `a[0]`.
    Json(Vec<Extraction>),
    /// `| logfmt --strict --keep-empty a, b="c"`: key=value pairs; with extractions only those keys.
    Logfmt {
        /// A malformed line is an error, where otherwise the readable pairs are taken.
        strict: bool,
        /// A key without a value becomes a label with the empty value, where otherwise it is skipped.
        keep_empty: bool,
        extractions: Vec<Extraction>,
    },
    /// `| pattern "<ip> - <_> <rest>"`: captures between literal texts; at least one capture is named.
    Pattern(String),
    /// `| regexp "(?P<name>...)"`: every named group becomes a label; at least one group is named.
    Regexp(String),
    /// `| unpack`: reverses the `pack` stage of Promtail: a flat JSON object becomes labels, its `_entry` the line.
    Unpack,
    /// `| status >= 500 and method="GET"`: keeps the line when the filter holds.
    LabelFilter(LabelFilter),
    /// `| line_format "{{.a}}"`: the line becomes what the Go template gives. Only the evaluator knows templates.
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`: renames and templates, applied from left to right; no target occurs twice.
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`: removes ANSI colour sequences from the line.
    Decolorize,
    /// `| drop a, b="x"`: removes labels; one with a matcher only when its value matches.
    Drop(Vec<DropKeep>),
    /// `| keep a, b="x"`: removes all other labels; one with a matcher stays only when its value matches.
    Keep(Vec<DropKeep>),
}

/// How a line filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineFilterOp {
    /// `|=`: the text occurs, byte for byte.
    Contains,
    /// `!=`: the text does not occur.
    NotContains,
    /// `|~`: the regex matches somewhere (unanchored, RE2 syntax).
    Matches,
    /// `!~`: the regex matches nowhere.
    NotMatches,
    /// `|>`: the pattern (`<_>` stands for any text) matches the whole line.
    Pattern,
    /// `!>`: the pattern does not match.
    NotPattern,
}

/// `|= "a" or "b" or ip("10.0.0.0/8")`. A positive operator keeps the line when any alternative matches; a negative
/// one when none does (it negates the whole).
#[derive(Clone, Debug, PartialEq)]
pub struct LineFilterExpr {
    pub op: LineFilterOp,
    /// At least one.
    pub alternatives: Vec<LineAlternative>,
}

/// What a line is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineAlternative {
    /// Text, regex or pattern, as the operator says.
    Text(String),
    /// `ip("...")`: some address in the line lies in the pattern: an address, a range `a-b`, or a CIDR block. Only
    /// with `|=` and `!=`.
    Ip(String),
}

/// `label="expression"`; the short form `label` has the label itself as expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    pub label: String,
    pub expression: String,
}

/// One assignment of `label_format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label that is written.
    pub label: String,
    pub value: LabelFormatValue,
}

/// Where a formatted label takes its value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelFormatValue {
    /// `to=from`: the label `from` is renamed.
    Rename(String),
    /// `to="{{.x}}"`: a Go template.
    Template(String),
}

/// One entry of `drop` or `keep`.
#[derive(Clone, Debug, PartialEq)]
pub enum DropKeep {
    /// The label whatever its value.
    Name(String),
    /// The label when its value matches.
    Matcher(Matcher),
}

//! Tokens: what the lexer gives the parser, and how error messages name them.

use super::ast::{AggregateOp, BinaryOp, Span};
use crate::gotext::quote;

/// A word or sign of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    End,
    Comma,
    Colon,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    /// `=`
    Equals,
    /// `=~`
    EqualsRegex,
    /// `!~`
    NotEqualsRegex,
    /// `@`
    At,
    /// A name without colons.
    Identifier,
    /// A name with colons.
    MetricIdentifier,
    String,
    Number,
    Duration,
    Op(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

/// Words with a meaning that are neither operators nor aggregations. In any case: `BY` is `by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

impl Keyword {
    const ALL: [(Keyword, &'static str); 19] = [
        (Keyword::Offset, "offset"),
        (Keyword::Smoothed, "smoothed"),
        (Keyword::Anchored, "anchored"),
        (Keyword::By, "by"),
        (Keyword::Without, "without"),
        (Keyword::On, "on"),
        (Keyword::Ignoring, "ignoring"),
        (Keyword::GroupLeft, "group_left"),
        (Keyword::GroupRight, "group_right"),
        (Keyword::Fill, "fill"),
        (Keyword::FillLeft, "fill_left"),
        (Keyword::FillRight, "fill_right"),
        (Keyword::Bool, "bool"),
        (Keyword::Start, "start"),
        (Keyword::End, "end"),
        (Keyword::Step, "step"),
        (Keyword::Range, "range"),
        (Keyword::MaxOf, "max_of"),
        (Keyword::MinOf, "min_of"),
    ];

    /// Words that may stand before parentheses as functions do.
    pub fn is_function(self) -> bool {
        matches!(self, Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)
    }

    /// Words that are keywords only before a parenthesis.
    pub fn needs_paren(self) -> bool {
        matches!(self, Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)
    }

    /// Words of durations: `step`, `range`, `max_of`, `min_of`.
    pub fn is_of_duration(self) -> bool {
        matches!(self, Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)
    }
}

impl Kind {
    /// The meaning of a word that is more than a name.
    pub fn of_word(word: &str) -> Option<Kind> {
        let same = |name: &str| name.eq_ignore_ascii_case(word);
        let operators = [BinaryOp::And, BinaryOp::Or, BinaryOp::Unless, BinaryOp::Atan2];
        if let Some(op) = operators.into_iter().find(|op| same(op.as_str())) {
            return Some(Kind::Op(op));
        }
        if let Some(op) = AggregateOp::ALL.into_iter().find(|op| same(op.as_str())) {
            return Some(Kind::Aggregate(op));
        }
        if let Some((keyword, _)) = Keyword::ALL.into_iter().find(|(_, name)| same(name)) {
            return Some(Kind::Keyword(keyword));
        }
        (same("inf") || same("nan")).then_some(Kind::Number)
    }

    /// Whether the word can be the name of a metric where an expression begins.
    pub fn can_name_metric(self) -> bool {
        match self {
            Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregate(_) => true,
            Kind::Op(op) => op.is_set(),
            Kind::Keyword(keyword) => !matches!(
                keyword,
                Keyword::Bool | Keyword::On | Keyword::Ignoring | Keyword::GroupLeft | Keyword::GroupRight
            ),
            _ => false,
        }
    }

    /// Whether the word can be a label in `by (..)` and its relatives.
    pub fn can_name_label(self) -> bool {
        match self {
            Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregate(_) => true,
            Kind::Op(op) => op.is_set() || op == BinaryOp::Atan2,
            Kind::Keyword(keyword) => keyword != Keyword::Without,
            _ => false,
        }
    }

    /// Whether an expression can begin with this.
    pub fn begins_expression(self) -> bool {
        let sign = matches!(self, Kind::Op(BinaryOp::Add | BinaryOp::Sub));
        let literal = matches!(self, Kind::Number | Kind::Duration | Kind::String);
        sign || literal || matches!(self, Kind::LeftParen | Kind::LeftBrace) || self.can_name_metric()
    }
}

/// Longest piece of the query that a message quotes, in characters.
const QUOTED: usize = 10;

impl Token {
    /// How a message names the token: `identifier "foo"`, `<op:+>`, `")"`, `end of input`.
    pub fn describe(self, query: &str) -> String {
        let text = &query[self.span.start as usize..self.span.end as usize];
        match self.kind {
            Kind::End => "end of input".into(),
            Kind::Identifier => format!("identifier {}", quote(text)),
            Kind::MetricIdentifier => format!("metric identifier {}", quote(text)),
            Kind::String => format!("string {}", shortened(text)),
            Kind::Number => format!("number {}", shortened(text)),
            Kind::Duration => format!("duration {}", shortened(text)),
            Kind::Op(_) | Kind::EqualsRegex | Kind::NotEqualsRegex | Kind::At => format!("<op:{text}>"),
            Kind::Aggregate(_) => format!("<aggr:{text}>"),
            Kind::Keyword(keyword) if !keyword.is_function() => format!("<{text}>"),
            _ => shortened(text),
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= QUOTED {
        return quote(text);
    }
    let end = text.char_indices().nth(QUOTED).map_or(text.len(), |(at, _)| at);
    format!("{}...", quote(&text[..end]))
}

//! What stands on the parser's stack: pieces of the tree, on the way to becoming a query.

use crate::ParseError;
use crate::ast::*;
use crate::lex::{Lexeme, Meaning, Token};
use gantry_model::Matcher;

/// The meaning of a symbol of the grammar.
#[derive(Debug)]
pub enum Value {
    Token(Token),
    Text(String),
    Nanos(i64),
    Bytes(u64),
    Number(f64),
    Names(Vec<String>),
    Matcher(Matcher),
    Matchers(Vec<Matcher>),
    LineOp(LineFilterOp),
    Alternative(LineAlternative),
    LineFilter(LineFilterExpr),
    Extraction(Extraction),
    Extractions(Vec<Extraction>),
    Format(LabelFormat),
    Formats(Vec<LabelFormat>),
    DropKeep(DropKeep),
    DropKeeps(Vec<DropKeep>),
    Filter(LabelFilter),
    Stage(Stage),
    Stages(Vec<Stage>),
    Log(LogExpr),
    Window(Window),
    Unwrap(Unwrap),
    LogRange(LogRange),
    Grouping(Grouping),
    Modifier(Modifier),
    Metric(MetricExpr),
    Expr(Expr),
}

/// `[5m] offset 1m`, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub range: i64,
    pub offset: i64,
}

/// The argument of a range aggregation.
#[derive(Debug)]
pub struct LogRange {
    pub log: LogExpr,
    pub unwrap: Option<Unwrap>,
    pub window: Window,
}

/// `bool on (a) group_left (b)`.
#[derive(Debug, Default)]
pub struct Modifier {
    pub return_bool: bool,
    pub matching: Option<VectorMatching>,
}

impl From<Lexeme> for Value {
    fn from(lexeme: Lexeme) -> Value {
        use Token::*;
        match (lexeme.token, lexeme.value) {
            (Identifier | String | Number | FunctionFlag, Meaning::Text(text)) => Value::Text(text),
            (_, Meaning::Nanos(nanos)) => Value::Nanos(nanos),
            (_, Meaning::Bytes(bytes)) => Value::Bytes(bytes),
            (token, _) => Value::Token(token),
        }
    }
}

/// An error that counts only when the whole query parses. Of several, the one of the outermost, leftmost expression.
#[derive(Debug, Default)]
pub struct Deferred {
    start: usize,
    pub error: Option<ParseError>,
}

impl Deferred {
    /// `start` is the number of the first token of the faulty expression; an outer one is reported after its parts.
    fn report(&mut self, start: usize, error: ParseError) {
        if self.error.is_none() || start <= self.start {
            (self.start, self.error) = (start, Some(error));
        }
    }
}

/// The symbols of a production that is being reduced, taken from left to right.
#[derive(Debug)]
pub struct Parts<'p> {
    pub values: std::vec::IntoIter<Value>,
    pub start: usize,
    pub deferred: &'p mut Deferred,
}

macro_rules! takers {
    ($($(#[$doc:meta])* $method:ident $variant:ident $type:ty),* $(,)?) => {
        impl Parts<'_> {
            $(
                #[doc = concat!("The next `", stringify!($variant), "`.")]
                pub fn $method(&mut self) -> $type {
                    match self.next_value() {
                        Value::$variant(value) => value,
                        other => unreachable!("the grammar promised {}, not {other:?}", stringify!($variant)),
                    }
                }
            )*
        }
    };
}

takers! {
    text Text String, nanos Nanos i64, bytes Bytes u64, number Number f64, names Names Vec<String>,
    matcher Matcher Matcher, matchers Matchers Vec<Matcher>, line_op LineOp LineFilterOp,
    alternative Alternative LineAlternative, line_filter LineFilter LineFilterExpr, extraction Extraction Extraction,
    extractions Extractions Vec<Extraction>, format Format LabelFormat, formats Formats Vec<LabelFormat>,
    drop_keep DropKeep DropKeep, drop_keeps DropKeeps Vec<DropKeep>,
    filter Filter LabelFilter, stage Stage Stage, stages Stages Vec<Stage>, log Log LogExpr, window Window Window,
    unwrap_expr Unwrap Unwrap, log_range LogRange LogRange, grouping Grouping Grouping,
    modifier Modifier Modifier, metric Metric MetricExpr, expr Expr Expr,
}

impl Parts<'_> {
    /// The next value that is no mere token.
    pub fn next_value(&mut self) -> Value {
        let value = self.values.find(|value| !matches!(value, Value::Token(_)));
        value.expect("a production takes no more values than its symbols give")
    }

    /// The next symbol, which is a token.
    pub fn token(&mut self) -> Token {
        match self.values.next() {
            Some(Value::Token(token)) => token,
            other => unreachable!("the grammar promised a token, not {other:?}"),
        }
    }

    /// Notes an error of the expression that is being reduced; parsing goes on.
    pub fn report(&mut self, message: String) {
        self.deferred.report(self.start, ParseError::whole(message));
    }
}

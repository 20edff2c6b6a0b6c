//! From SQL conditions to what the store can answer itself.

use super::table::{BODY, LogsColumns, Source, TIMESTAMP};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator, TableProviderFilterPushDown as PushDown};
use datafusion::scalar::ScalarValue;
use gantry_model::{LineFilter, LineOp, MatchOp, Matcher, TimeRange, Timestamp};

/// The part of a condition that goes to the store. All parts of all conditions must hold.
#[derive(Clone, Debug)]
pub enum Pushed {
    Time(TimeRange),
    Stream(Matcher),
    Line(LineFilter),
}

/// What the store can do for one condition: nothing, a part (the rest is filtered above), or all of it.
pub fn support(columns: &LogsColumns, filter: &Expr) -> PushDown {
    match push(columns, filter) {
        pushed if pushed.is_empty() => PushDown::Unsupported,
        pushed if pushed.iter().all(|p| matches!(p, Pushed::Time(_))) => PushDown::Exact,
        _ => PushDown::Inexact,
    }
}

/// Conditions that every row which passes `filter` fulfils; none when the store cannot help.
pub fn push(columns: &LogsColumns, filter: &Expr) -> Vec<Pushed> {
    match filter {
        Expr::BinaryExpr(binary) => push_binary(columns, binary),
        Expr::Between(between) => push_between(between),
        Expr::InList(list) => push_list(columns, list).into_iter().collect(),
        Expr::Like(like) => push_like(columns, like),
        Expr::IsNotNull(inner) => label(columns, inner, MatchOp::NotEq, "").into_iter().collect(),
        Expr::IsNull(inner) => label(columns, inner, MatchOp::Eq, "").into_iter().collect(),
        Expr::ScalarFunction(call) => push_call(call).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn push_binary(columns: &LogsColumns, binary: &BinaryExpr) -> Vec<Pushed> {
    if binary.op == Operator::And {
        let (left, right) = (push(columns, &binary.left), push(columns, &binary.right));
        return exact_or_none(left, right);
    }
    let flipped = binary.op.swap();
    let (column, op, value) = match (literal(&binary.left), literal(&binary.right)) {
        (None, Some(value)) => (&*binary.left, binary.op, value),
        (Some(value), None) => match flipped {
            Some(op) => (&*binary.right, op, value),
            None => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    compare(columns, column, op, value).into_iter().collect()
}

/// Both sides of an AND inside one condition: all of it is pushed or nothing, so that "exact" stays true.
fn exact_or_none(mut left: Vec<Pushed>, right: Vec<Pushed>) -> Vec<Pushed> {
    if left.is_empty() || right.is_empty() {
        return Vec::new();
    }
    left.extend(right);
    left
}

fn compare(columns: &LogsColumns, column: &Expr, op: Operator, value: &ScalarValue) -> Option<Pushed> {
    if let Expr::ScalarFunction(call) = column {
        let positive = matches!(
            (op, value),
            (Operator::Gt | Operator::NotEq, ScalarValue::Int64(Some(0)) | ScalarValue::Int32(Some(0)))
        );
        return if positive && call.name() == "strpos" { contains(call) } else { None };
    }
    match name(column)? {
        TIMESTAMP => time(op, instant(value)?).map(Pushed::Time),
        BODY => push_body(op, text(value)?),
        _ => push_label(columns, column, op, text(value)?),
    }
}

fn push_body(op: Operator, text: &str) -> Option<Pushed> {
    match op {
        Operator::Eq => line(LineOp::Contains, text.into()),
        Operator::RegexMatch => line(LineOp::Matches, text.into()),
        Operator::RegexIMatch => line(LineOp::Matches, format!("(?i:{text})")),
        Operator::RegexNotMatch => line(LineOp::NotMatches, text.into()),
        Operator::RegexNotIMatch => line(LineOp::NotMatches, format!("(?i:{text})")),
        _ => None,
    }
}

/// A row without the label is NULL in SQL and passes none of these; the store lets it through where it must.
fn push_label(columns: &LogsColumns, column: &Expr, op: Operator, value: &str) -> Option<Pushed> {
    let anywhere = |flags: &str| format!(".*(?{flags}:{value}).*");
    match op {
        Operator::Eq if !value.is_empty() => label(columns, column, MatchOp::Eq, value),
        Operator::NotEq if !value.is_empty() => label(columns, column, MatchOp::NotEq, value),
        Operator::RegexMatch => label(columns, column, MatchOp::Regex, &anywhere("")),
        Operator::RegexIMatch => label(columns, column, MatchOp::Regex, &anywhere("i")),
        Operator::RegexNotMatch => label(columns, column, MatchOp::NotRegex, &anywhere("")),
        Operator::RegexNotIMatch => label(columns, column, MatchOp::NotRegex, &anywhere("i")),
        _ => None,
    }
}

fn push_list(columns: &LogsColumns, list: &InList) -> Option<Pushed> {
    let values = list.list.iter().map(|value| text(literal(value)?)).collect::<Option<Vec<_>>>()?;
    if list.negated || values.iter().any(|value| value.is_empty()) {
        return None;
    }
    if name(&list.expr)? == BODY {
        return LineFilter::new(LineOp::Contains, values.into_iter().map(Into::into).collect()).ok().map(Pushed::Line);
    }
    let alternatives: Vec<String> = values.into_iter().map(regex::escape).collect();
    label(columns, &list.expr, MatchOp::Regex, &alternatives.join("|"))
}

fn push_between(between: &Between) -> Vec<Pushed> {
    let bounds = || {
        let (low, high) = (instant(literal(&between.low)?)?, instant(literal(&between.high)?)?);
        (name(&between.expr)? == TIMESTAMP).then_some((low, high))
    };
    match bounds() {
        Some((low, high)) if !between.negated => vec![Pushed::Time(TimeRange::new(low, high.saturating_add(1)))],
        _ => Vec::new(),
    }
}

fn push_like(columns: &LogsColumns, like: &Like) -> Vec<Pushed> {
    let Some(pattern) = literal(&like.pattern).and_then(text) else { return Vec::new() };
    let parts = like_parts(pattern, like.escape_char.unwrap_or('\\'));
    let flags = if like.case_insensitive { "is" } else { "s" };
    match name(&like.expr) {
        Some(BODY) => like_body(like, &parts, flags).into_iter().collect(),
        Some(TIMESTAMP) | None => Vec::new(),
        Some(_) => {
            let op = if like.negated { MatchOp::NotRegex } else { MatchOp::Regex };
            label(columns, &like.expr, op, &format!("(?{flags}:{})", like_regex(&parts))).into_iter().collect()
        }
    }
}

fn like_body(like: &Like, parts: &[LikePart], flags: &str) -> Option<Pushed> {
    let op = if like.negated { LineOp::NotMatches } else { LineOp::Matches };
    match parts {
        [LikePart::Any, LikePart::Text(text), LikePart::Any] if !like.case_insensitive => {
            line(if like.negated { LineOp::NotContains } else { LineOp::Contains }, text.clone())
        }
        _ => line(op, format!("^(?{flags}:{})$", like_regex(parts))),
    }
}

fn push_call(call: &ScalarFunction) -> Option<Pushed> {
    match call.name() {
        "contains" => contains(call),
        "starts_with" => line(LineOp::Matches, format!("^{}", regex::escape(body_and_text(call)?))),
        "regexp_like" if call.args.len() == 2 => line(LineOp::Matches, body_and_text(call)?.into()),
        _ => None,
    }
}

fn contains(call: &ScalarFunction) -> Option<Pushed> {
    line(LineOp::Contains, body_and_text(call)?.into())
}

fn body_and_text(call: &ScalarFunction) -> Option<&str> {
    let [column, value, ..] = call.args.as_slice() else { return None };
    (name(column)? == BODY).then(|| text(literal(value)?))?
}

fn line(op: LineOp, text: String) -> Option<Pushed> {
    LineFilter::new(op, vec![text]).ok().map(Pushed::Line)
}

fn label(columns: &LogsColumns, column: &Expr, op: MatchOp, value: &str) -> Option<Pushed> {
    let Some(Source::Label(label)) = columns.source(name(column)?) else { return None };
    Matcher::new(label, op, value).ok().map(Pushed::Stream)
}

/// The range that `timestamp op instant` stands for.
fn time(op: Operator, at: Timestamp) -> Option<TimeRange> {
    let next = at.saturating_add(1);
    Some(match op {
        Operator::Gt => TimeRange::new(next, Timestamp::MAX),
        Operator::GtEq => TimeRange::new(at, Timestamp::MAX),
        Operator::Lt => TimeRange::new(Timestamp::MIN, at),
        Operator::LtEq => TimeRange::new(Timestamp::MIN, next),
        Operator::Eq => TimeRange::new(at, next),
        _ => return None,
    })
}

/// Name of the column, seen through casts between kinds of strings.
fn name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) if cast.field.data_type().is_string() => name(&cast.expr).filter(|name| *name != TIMESTAMP),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn instant(value: &ScalarValue) -> Option<Timestamp> {
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(Timestamp(*nanos)),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => micros.checked_mul(1_000).map(Timestamp),
        ScalarValue::TimestampMillisecond(Some(millis), _) => millis.checked_mul(1_000_000).map(Timestamp),
        ScalarValue::TimestampSecond(Some(seconds), _) => seconds.checked_mul(1_000_000_000).map(Timestamp),
        _ => None,
    }
}

#[derive(Debug, PartialEq)]
enum LikePart {
    Text(String),
    /// `_`
    One,
    /// `%`
    Any,
}

fn like_parts(pattern: &str, escape: char) -> Vec<LikePart> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let part = match c {
            '%' => LikePart::Any,
            '_' => LikePart::One,
            c if c == escape && chars.peek().is_some_and(|next| matches!(next, '%' | '_') || *next == escape) => {
                literal.extend(chars.next());
                continue;
            }
            c => {
                literal.push(c);
                continue;
            }
        };
        if !literal.is_empty() {
            parts.push(LikePart::Text(std::mem::take(&mut literal)));
        }
        parts.push(part);
    }
    if !literal.is_empty() {
        parts.push(LikePart::Text(literal));
    }
    parts
}

fn like_regex(parts: &[LikePart]) -> String {
    let piece = |part: &LikePart| match part {
        LikePart::Text(text) => regex::escape(text),
        LikePart::One => ".".into(),
        LikePart::Any => ".*".into(),
    };
    parts.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn columns() -> LogsColumns {
        LogsColumns::new(["app", "body"])
    }

    fn one(filter: &Expr) -> Option<String> {
        match push(&columns(), filter).as_slice() {
            [Pushed::Stream(matcher)] => Some(matcher.to_string()),
            [Pushed::Line(filter)] => Some(format!("{:?} {:?}", filter.op, filter.texts)),
            [Pushed::Time(range)] => Some(format!("{}..{}", range.start.0, range.end.0)),
            _ => None,
        }
    }

    #[test]
    fn dictionary_literals_are_unwrapped() {
        let value = ScalarValue::Dictionary(
            Box::new(arrow::datatypes::DataType::Int32),
            Box::new(ScalarValue::Utf8(Some("web".into()))),
        );
        assert_eq!(one(&col("app").eq(Expr::Literal(value, None))).unwrap(), r#"app="web""#);
    }

    #[test]
    fn lists_and_patterns_become_regexes() {
        assert_eq!(one(&col("app").in_list(vec![lit("a.b"), lit("c")], false)).unwrap(), r#"app=~"a\\.b|c""#);
        assert_eq!(one(&col("app").like(lit("w_b%"))).unwrap(), r#"app=~"(?s:w.b.*)""#);
    }

    #[test]
    fn body_conditions_become_line_filters() {
        assert_eq!(one(&col("body").like(lit("%needle%"))).unwrap(), r#"Contains ["needle"]"#);
        assert_eq!(one(&col("body").not_like(lit("%needle%"))).unwrap(), r#"NotContains ["needle"]"#);
        assert_eq!(one(&col("body").like(lit("a%\\%"))).unwrap(), r#"Matches ["^(?s:a.*%)$"]"#);
    }

    #[test]
    fn what_an_absent_label_would_pass_is_not_pushed() {
        assert_eq!(one(&col("app").eq(lit(""))), None);
        assert_eq!(one(&col("app").eq(lit("a")).or(col("app").eq(lit("b")))), None);
    }

    #[test]
    fn times_are_exact_in_nanoseconds() {
        let at = Expr::Literal(ScalarValue::TimestampMillisecond(Some(5), None), None);
        let filter = col("timestamp").lt_eq(at);
        assert_eq!(one(&filter).unwrap(), format!("{}..5000001", i64::MIN));
        assert_eq!(support(&columns(), &filter), PushDown::Exact);
    }
}

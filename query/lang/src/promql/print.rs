//! Trees as text in one line, as Prometheus prints them. The text means the same as the tree.

use super::ast::*;
use super::token::Kind;
use crate::duration::format_prometheus_duration;
use crate::gotext::{default_float, fixed_float, plain_float, quote};
use gantry_model::metric::METRIC_NAME;
use gantry_model::{MatchOp, Matcher};
use std::fmt::{Display, Formatter, Result, Write};

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// With `{:#}`, for a place before an arithmetic operator: there a duration that begins with a parenthesis is marked by a
/// plus, for it would swallow the operator (`a offset (5m) * 2`).
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Expr::Number(e) => e.fmt(f),
            Expr::String(e) => f.write_str(&e.quoted()),
            Expr::Vector(e) => e.fmt(f),
            Expr::Matrix(e) => e.fmt(f),
            Expr::Subquery(e) => {
                write!(f, "{}", e.expr)?;
                e.suffix().fmt(f)
            }
            Expr::Unary(e) => {
                f.write_char(e.sign())?;
                e.expr.fmt(f)
            }
            Expr::Binary(e) => {
                match &*e.lhs {
                    _ if e.is_power_of_infinity() => f.write_str("Inf")?,
                    lhs if e.op.is_arithmetic() => write!(f, "{lhs:#}")?,
                    lhs => write!(f, "{lhs}")?,
                }
                write!(f, " {} ", e.operator())?;
                e.rhs.fmt(f)
            }
            Expr::Aggregate(e) => e.fmt(f),
            Expr::Call(e) => {
                write!(f, "{}(", e.function.as_str())?;
                separated(f, &e.args, |f, arg| arg.fmt(f))?;
                f.write_char(')')
            }
            Expr::Paren(e) => write!(f, "({})", e.expr),
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write_number(f, self.value, self.is_duration)
    }
}

fn write_number(f: &mut Formatter<'_>, value: f64, is_duration: bool) -> Result {
    if !is_duration {
        return f.write_str(&plain_float(value));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let millis = (value.abs() * 1e3).round() as i64;
    write!(f, "{sign}{}", format_prometheus_duration(millis.saturating_mul(MILLI)))
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.write_selector(f)?;
        write_at(f, self.at)?;
        if let Some(extension) = self.extension {
            write!(f, " {}", extension.as_str())?;
        }
        write_offset(f, self.offset.as_ref())
    }
}

impl VectorSelector {
    fn write_selector(&self, f: &mut Formatter<'_>) -> Result {
        let name = self.name.as_deref().unwrap_or_default();
        f.write_str(name)?;
        let is_name =
            |m: &&Matcher| m.name == METRIC_NAME && m.op == MatchOp::Eq && m.value == name && !name.is_empty();
        let mut matchers: Vec<String> = self.selector.0.iter().filter(|m| !is_name(m)).map(matcher).collect();
        if matchers.is_empty() {
            // Braces without matchers are legal only in the second argument of `info`.
            return if name.is_empty() { f.write_str("{}") } else { Ok(()) };
        }
        matchers.sort_unstable();
        write!(f, "{{{}}}", matchers.join(","))
    }
}

fn matcher(matcher: &Matcher) -> String {
    let op = match matcher.op {
        MatchOp::Eq => "=",
        MatchOp::NotEq => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    format!("{}{op}{}", label(&matcher.name), quote(&matcher.value))
}

/// A name, in quotes unless it is an ordinary one.
fn label(name: &str) -> String {
    let ordinary = |(at, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit();
    let is_plain = !name.is_empty() && name.char_indices().all(ordinary);
    if is_plain { name.to_owned() } else { quote(name) }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.vector.write_selector(f)?;
        write!(f, "[{}]", self.range)?;
        if let Some(extension) = self.vector.extension {
            write!(f, " {}", extension.as_str())?;
        }
        write_at(f, self.vector.at)?;
        write_offset(f, self.vector.offset.as_ref())
    }
}

fn write_at(f: &mut Formatter<'_>, at: Option<At>) -> Result {
    match at {
        Some(At::Timestamp(millis)) => write!(f, " @ {}", fixed_float(millis as f64 / 1000.0, 3)),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        None => Ok(()),
    }
}

fn write_offset(f: &mut Formatter<'_>, offset: Option<&Duration>) -> Result {
    match offset {
        Some(Duration::Computed(expr)) => {
            let wrap = !ends_by_itself(expr, f.alternate());
            let plus = if f.alternate() && (wrap || begins_with_paren(expr)) { "+" } else { "" };
            if wrap { write!(f, " offset {plus}({expr})") } else { write!(f, " offset {plus}{expr}") }
        }
        Some(offset) => write!(f, " offset {offset}"),
        None => Ok(()),
    }
}

/// Whether a duration behind `offset` is read to its end, and no further, without parentheses around it.
fn ends_by_itself(expr: &DurationExpr, operator_follows: bool) -> bool {
    match expr {
        DurationExpr::Binary(_, first, _) => begins_with_paren(first) && !operator_follows,
        DurationExpr::Positive(inner, _) | DurationExpr::Negative(inner, _) => {
            use DurationExpr::{Binary, Negative, Number, Positive};
            !matches!(**inner, Binary(..) | Negative(..) | Positive(..) | Number(_))
        }
        _ => true,
    }
}

fn begins_with_paren(expr: &DurationExpr) -> bool {
    match expr {
        DurationExpr::Binary(_, first, _) => begins_with_paren(first),
        other => matches!(other, DurationExpr::Paren(..)),
    }
}

/// `[1h:5m] @ 5.000 offset 1m`
struct Suffix<'s>(&'s Subquery);

impl Display for Suffix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "[{}:", self.0.range)?;
        if let Some(step) = &self.0.step {
            step.fmt(f)?;
        }
        f.write_char(']')?;
        write_at(f, self.0.at)?;
        write_offset(f, self.0.offset.as_ref())
    }
}

impl Subquery {
    pub(super) fn suffix(&self) -> impl Display + '_ {
        Suffix(self)
    }
}

impl UnaryExpr {
    pub(super) fn sign(&self) -> char {
        if self.negative { '-' } else { '+' }
    }
}

/// `== bool on (a) group_left (b)`
struct Operator<'o>(&'o BinaryExpr);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.0.op.as_str())?;
        if self.0.return_bool {
            f.write_str(" bool")?;
        }
        self.0.matching.as_ref().map_or(Ok(()), |matching| matching.fmt(f))
    }
}

impl BinaryExpr {
    /// Infinity is printed with a sign, which would here belong to the whole power.
    pub(super) fn is_power_of_infinity(&self) -> bool {
        self.op == BinaryOp::Pow && matches!(&*self.lhs, Expr::Number(number) if number.value == f64::INFINITY)
    }

    pub(super) fn operator(&self) -> impl Display + '_ {
        Operator(self)
    }
}

/// What stands behind the operator, with a space before each part; nothing for the default.
impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let side = match self.cardinality {
            Cardinality::ManyToOne => Some("left"),
            Cardinality::OneToMany => Some("right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if !self.labels.is_empty() || self.on || side.is_some() {
            write!(f, " {} (", if self.on { "on" } else { "ignoring" })?;
            labels(f, &self.labels)?;
        }
        if let Some(side) = side {
            write!(f, " group_{side} (")?;
            labels(f, &self.include)?;
        }
        let fills = [self.fill_left, self.fill_right];
        match fills {
            [Some(left), Some(right)] if left == right => write!(f, " fill ({})", default_float(left)),
            _ => ["left", "right"].into_iter().zip(fills).try_for_each(|(side, fill)| match fill {
                Some(fill) => write!(f, " fill_{side} ({})", default_float(fill)),
                None => Ok(()),
            }),
        }
    }
}

/// Names and the closing parenthesis.
fn labels(f: &mut Formatter<'_>, names: &[String]) -> Result {
    separated(f, names, |f, name| match Kind::of_word(name) {
        Some(kind) if !kind.can_name_label() => f.write_str(&quote(name)),
        _ => f.write_str(&label(name)),
    })?;
    f.write_char(')')
}

fn separated<T>(f: &mut Formatter<'_>, items: &[T], write: impl Fn(&mut Formatter<'_>, &T) -> Result) -> Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

/// `sum by (a) `
struct Head<'a>(&'a AggregateExpr);

impl Display for Head<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.0.op.as_str())?;
        if !self.0.without && self.0.grouping.is_empty() {
            return Ok(());
        }
        f.write_str(if self.0.without { " without (" } else { " by (" })?;
        labels(f, &self.0.grouping)?;
        f.write_char(' ')
    }
}

impl AggregateExpr {
    pub(super) fn head(&self) -> impl Display + '_ {
        Head(self)
    }
}

impl Display for AggregateExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}(", self.head())?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            // The notation knows nothing finer than milliseconds.
            Duration::Nanos(nanos) if nanos % MILLI != 0 => f.write_str(&plain_float(*nanos as f64 / 1e9)),
            Duration::Nanos(nanos) => f.write_str(&format_prometheus_duration(*nanos)),
            Duration::Computed(expr) => expr.fmt(f),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            DurationExpr::Number(number) => write_number(f, number.seconds, number.is_duration),
            DurationExpr::Step(_) => f.write_str("step()"),
            DurationExpr::Range(_) => f.write_str("range()"),
            DurationExpr::MinOf(a, b, _) => write!(f, "min_of({a}, {b})"),
            DurationExpr::MaxOf(a, b, _) => write!(f, "max_of({a}, {b})"),
            DurationExpr::Positive(inner, _) => write!(f, "+{inner}"),
            DurationExpr::Negative(inner, _) => write!(f, "-{inner}"),
            DurationExpr::Paren(inner, _) => write!(f, "({inner})"),
            DurationExpr::Binary(op, a, b) => write!(f, "{a} {} {b}", op.as_str()),
        }
    }
}

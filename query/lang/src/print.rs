//! A tree as text again, on one line, as Loki prints it.

use crate::ast::*;
use crate::duration::{format_go_duration, format_prometheus_duration};
use crate::gotext::{default_float, plain_float, quote};
use crate::size::format_size;
use gantry_model::{Matcher, Selector};
use std::fmt::{self, Display, Formatter};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Log(log) => log.fmt(f),
            Expr::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&selector(&self.selector))?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

/// `{a="b", c=~"d"}`.
pub(crate) fn selector(selector: &Selector) -> String {
    format!("{{{}}}", joined(&selector.0, ", ", matcher))
}

fn matcher(matcher: &Matcher) -> String {
    format!("{}{}{}", matcher.name, matcher.op.as_str(), quote(&matcher.value))
}

fn joined<T>(items: &[T], separator: &str, print: impl Fn(&T) -> String) -> String {
    items.iter().map(print).collect::<Vec<_>>().join(separator)
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stage::LineFilter(filter) => filter.fmt(f),
            Stage::Json(extractions) => write!(f, "| json{}", extracted(extractions)),
            Stage::Logfmt { strict, keep_empty, extractions } => {
                let strict = if *strict { " --strict" } else { "" };
                let keep_empty = if *keep_empty { " --keep-empty" } else { "" };
                write!(f, "| logfmt{strict}{keep_empty}{}", extracted(extractions))
            }
            Stage::Pattern(pattern) => write!(f, "| pattern {}", quote(pattern)),
            Stage::Regexp(regex) => write!(f, "| regexp {}", quote(regex)),
            Stage::Unpack => f.write_str("| unpack"),
            Stage::LabelFilter(filter) => write!(f, "| {filter}"),
            Stage::LineFormat(template) => write!(f, "| line_format {}", quote(template)),
            Stage::LabelFormat(formats) => write!(f, "| label_format {}", joined(formats, ",", ToString::to_string)),
            Stage::Decolorize => f.write_str("| decolorize"),
            Stage::Drop(labels) => write!(f, "| drop {}", joined(labels, ",", ToString::to_string)),
            Stage::Keep(labels) => write!(f, "| keep {}", joined(labels, ",", ToString::to_string)),
        }
    }
}

fn extracted(extractions: &[Extraction]) -> String {
    let all = joined(extractions, ",", |e| format!("{}={}", e.label, quote(&e.expression)));
    if all.is_empty() { all } else { format!(" {all}") }
}

impl Display for LineFilterExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.as_str(), joined(&self.alternatives, " or ", ToString::to_string))
    }
}

impl Display for LineAlternative {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LineAlternative::Text(text) => f.write_str(&quote(text)),
            LineAlternative::Ip(pattern) => write!(f, "ip({})", quote(pattern)),
        }
    }
}

impl Display for LabelFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            LabelFormatValue::Rename(from) => write!(f, "{}={from}", self.label),
            LabelFormatValue::Template(template) => write!(f, "{}={}", self.label, quote(template)),
        }
    }
}

impl Display for DropKeep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DropKeep::Name(name) => f.write_str(name),
            DropKeep::Matcher(m) => f.write_str(&matcher(m)),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LabelFilter::Matcher(m) => f.write_str(&matcher(m)),
            LabelFilter::Number { label, op, value } => write!(f, "{label}{}{}", op.as_str(), plain_float(*value)),
            LabelFilter::Duration { label, op, nanos } => {
                write!(f, "{label}{}{}", op.as_str(), format_go_duration(*nanos))
            }
            LabelFilter::Bytes { label, op, bytes } => write!(f, "{label}{}{}", op.as_str(), format_size(*bytes)),
            LabelFilter::Ip { label, op, pattern } => {
                let op = if *op == IpOp::Eq { "=" } else { "!=" };
                write!(f, "{label}{op}ip({})", quote(pattern))
            }
            LabelFilter::And(a, b) => write!(f, "( {a} , {b} )"),
            LabelFilter::Or(a, b) => write!(f, "( {a} or {b} )"),
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            MetricExpr::Range(range) => range.fmt(f),
            MetricExpr::Vector(vector) => vector.fmt(f),
            MetricExpr::Binary(binary) => {
                let rhs = binary.rhs.to_string();
                write!(f, "({} {} {rhs})", binary.lhs, operator(binary, &rhs))
            }
            MetricExpr::LabelReplace(replace) => replace.fmt(f),
            MetricExpr::VectorLiteral(value) => write!(f, "vector({})", six_places(*value)),
            MetricExpr::Literal(value) => f.write_str(&default_float(*value)),
        }
    }
}

/// Six decimal places where they are exact.
fn six_places(value: f64) -> String {
    let text = format!("{value:.6}");
    if text.parse() == Ok(value) { text } else { plain_float(value) }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(param) = self.param {
            write!(f, "{},", plain_float(param))?;
        }
        write!(f, "{}", self.log)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", format_prometheus_duration(self.range_nanos))?;
        if self.offset_nanos != 0 {
            write!(f, " offset {}", format_go_duration(self.offset_nanos))?;
        }
        f.write_str(")")?;
        self.grouping.iter().try_for_each(|grouping| write!(f, " {grouping}"))
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.conversion {
            Some(conversion) => write!(f, "| unwrap {}({})", conversion.as_str(), self.label)?,
            None => write!(f, "| unwrap {}", self.label)?,
        }
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word} ({})", self.labels.join(","))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        self.grouping.iter().try_for_each(|grouping| write!(f, " {grouping}"))?;
        match self.param {
            Some(param) => write!(f, "({param},{})", self.inner),
            None => write!(f, "({})", self.inner),
        }
    }
}

impl Display for LabelReplace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let texts = [&self.dst, &self.replacement, &self.src, &self.regex].map(|text| quote(text)).join(",");
        write!(f, "label_replace({},{texts})", self.inner)
    }
}

/// The operator with its modifiers, before the printed `rhs`. A matching that is one to one leaves an empty place
/// behind it; `group_left` keeps an empty list where it would otherwise take the right side's parenthesis for its own.
pub(crate) fn operator(binary: &BinaryExpr, rhs: &str) -> String {
    let mut out = String::from(binary.op.as_str());
    if binary.return_bool {
        out += " bool";
    }
    let Some(matching) = &binary.matching else { return out };
    let side = match matching.cardinality {
        VectorCardinality::OneToOne => "",
        VectorCardinality::ManyToOne => "group_left",
        VectorCardinality::OneToMany => "group_right",
    };
    let word = if matching.on { "on" } else { "ignoring" };
    out += &format!(" {word} ({}) {side}", matching.labels.join(","));
    let would_take_rhs = !side.is_empty() && rhs.trim_start().starts_with('(');
    if !matching.include.is_empty() || would_take_rhs {
        out += &format!(" ({})", matching.include.join(","));
    }
    out
}

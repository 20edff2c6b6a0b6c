//! Functions of instant vectors and of numbers.

use crate::answer::Curve;
use crate::classic::Classic;
use crate::elementwise::{self, least, most};
use crate::eval::{Evaluator, Wanted};
use crate::histogram;
use crate::labels::{metric_name, with};
use crate::notes::{Notes, quoted};
use crate::query::united;
use crate::{Cell, Column, EvalError};
use gantry_model::metric::NativeHistogram;
use gantry_model::{LabelSet, MatchOp, Selector};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::{Call, Expr, Span};
use std::collections::HashMap;

pub(crate) fn invalid_quantile(notes: &Notes, q: f64, span: Span) {
    notes.warn(span, &format!("quantile value should be between 0 and 1, got {}", number_text(q)));
}

/// As Go prints it.
pub(crate) fn number_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    value.to_string()
}

pub(crate) fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Float(value) => number_text(*value),
        Cell::Histogram(h) => histogram_text(h),
        Cell::Empty => String::new(),
    }
}

/// `{count:2, sum:3, [-1,1]:1, (1,2]:1}`
fn histogram_text(h: &NativeHistogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", number_text(h.count), number_text(h.sum));
    for b in histogram::all_buckets(h) {
        let zero = b.lower <= 0.0 && b.upper >= 0.0 && !h.has_custom_buckets();
        let (open, close) = match () {
            () if zero => ('[', ']'),
            () if b.upper <= 0.0 && !h.has_custom_buckets() => ('[', ')'),
            () => ('(', ']'),
        };
        text += &format!(", {open}{},{}{close}:{}", number_text(b.lower), number_text(b.upper), number_text(b.count));
    }
    text + "}"
}

impl Evaluator<'_> {
    pub(crate) fn string(&self, expr: &Expr) -> String {
        match expr.unwrap_parens() {
            Expr::String(literal) => literal.value.clone(),
            _ => String::new(),
        }
    }

    /// A number at every step.
    pub(crate) fn scalar(&self, expr: &Expr) -> Result<Vec<f64>, EvalError> {
        let count = self.grid.count;
        let same = |value: f64| vec![value; count];
        match expr {
            Expr::Number(literal) => Ok(same(literal.value)),
            Expr::Paren(paren) => self.scalar(&paren.expr),
            Expr::Binary(binary) => self.binary_scalar(binary),
            Expr::Unary(unary) => {
                let sign = if unary.negative { -1.0 } else { 1.0 };
                Ok(self.scalar(&unary.expr)?.into_iter().map(|value| value * sign).collect())
            }
            Expr::Call(call) => match call.function {
                Function::Pi => Ok(same(std::f64::consts::PI)),
                Function::Time => Ok(self.grid.instants().map(|at| at as f64 / 1e3).collect()),
                Function::Start => Ok(same(self.params.start_ms as f64 / 1e3)),
                Function::End => Ok(same(self.params.end_ms as f64 / 1e3)),
                Function::Step => Ok(same(self.params.step_ms.unwrap_or(0) as f64 / 1e3)),
                Function::Range => Ok(same((self.params.end_ms - self.params.start_ms) as f64 / 1e3)),
                Function::MinOf | Function::MaxOf => {
                    let (a, b) = (self.scalar(&call.args[0])?, self.scalar(&call.args[1])?);
                    let of = if call.function == Function::MinOf { least } else { most };
                    Ok(a.into_iter().zip(b).map(|(a, b)| of(a, b)).collect())
                }
                Function::Scalar => {
                    let series = self.vector(&call.args[0])?;
                    let only = |step| {
                        let mut here = series.iter().filter(|one| one.column.float(step).is_some());
                        match (here.next(), here.next()) {
                            (Some(one), None) => one.column.float(step).unwrap_or(f64::NAN),
                            _ => f64::NAN,
                        }
                    };
                    Ok((0..count).map(only).collect())
                }
                other => Err(EvalError::new(format!("unknown scalar function {}", other.as_str()))),
            },
            other => Err(EvalError::new(format!("expected a scalar, found {}", other.value_type()))),
        }
    }

    pub(crate) fn call(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        use Function::*;
        if let Some(function) = elementwise::function(call.function) {
            let series = match call.args.first() {
                Some(arg) => self.vector(arg)?,
                None => self.constant(self.grid.instants().map(|at| at as f64 / 1e3).collect()),
            };
            return Ok(each_number(series, |_, value| Some(function(value))));
        }
        let number = |n: usize| self.scalar(&call.args[n]);
        match call.function {
            Vector => Ok(self.constant(number(0)?)),
            Clamp => {
                let (low, high) = (number(1)?, number(2)?);
                let clamp = |at: usize, x: f64| {
                    (low[at] <= high[at] || low[at].is_nan() || high[at].is_nan())
                        .then(|| most(low[at], least(high[at], x)))
                };
                Ok(each_number(self.vector(&call.args[0])?, clamp))
            }
            ClampMax => {
                let high = number(1)?;
                Ok(each_number(self.vector(&call.args[0])?, |at, x| Some(least(high[at], x))))
            }
            ClampMin => {
                let low = number(1)?;
                Ok(each_number(self.vector(&call.args[0])?, |at, x| Some(most(low[at], x))))
            }
            Round => {
                let to = if call.args.len() > 1 { number(1)? } else { vec![1.0; self.grid.count] };
                Ok(each_number(self.vector(&call.args[0])?, |at, x| Some(elementwise::round(x, to[at]))))
            }
            Timestamp => match call.args[0].unwrap_parens() {
                Expr::Vector(selector) => self.timestamps(selector),
                other => Ok(each_cell(self.vector(other)?, |at, _| Cell::Float(self.grid.instant(at) as f64 / 1e3))),
            },
            HistogramCount => self.wanting(Wanted::Totals).of_histograms(call, |h| h.count),
            HistogramSum => self.wanting(Wanted::Totals).of_histograms(call, |h| h.sum),
            HistogramAvg => self.wanting(Wanted::Totals).of_histograms(call, |h| h.sum / h.count),
            HistogramStdvar => self.of_histograms(call, histogram::variance),
            HistogramStddev => self.of_histograms(call, |h| histogram::variance(h).sqrt()),
            HistogramQuantile => {
                let q = number(0)?;
                for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                    invalid_quantile(self.notes, *q, call.args[0].span());
                }
                let series = self.wanting(Wanted::Buckets).vector(&call.args[1])?;
                self.quantiles(&series, &q, call.args[1].span())
            }
            HistogramQuantiles => self.many_quantiles(call),
            HistogramFraction => {
                let (low, high) = (number(0)?, number(1)?);
                let series = self.wanting(Wanted::Buckets).vector(&call.args[2])?;
                let span = call.args[2].span();
                self.by_histogram(&series, span, |step, name, cell| match cell {
                    Shape::Classic(classic) => classic.fraction(low[step], high[step]),
                    Shape::Native(h) => {
                        if h.sum.is_nan() && has_nan(h) {
                            let text = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
                            self.notes.info(span, &for_metric(text, name));
                        }
                        histogram::fraction(low[step], high[step], h)
                    }
                })
            }
            Info => self.info(call),
            Sort | SortDesc | SortByLabel | SortByLabelDesc => self.sorted(call),
            LabelReplace => self.label_replace(call),
            LabelJoin => self.label_join(call),
            Absent => {
                let series = self.vector(&call.args[0])?;
                Ok(self.absent(&call.args[0], |step| series.iter().any(|one| one.column.is_some(step))))
            }
            AbsentOverTime => {
                let present = Call { function: PresentOverTime, args: call.args.clone(), span: call.span };
                let series = self.vector(&Expr::Call(present))?;
                Ok(self.absent(&call.args[0], |step| series.iter().any(|one| one.column.is_some(step))))
            }
            other => Err(EvalError::new(format!("the function {} is not supported yet", other.as_str()))),
        }
    }

    fn constant(&self, values: Vec<f64>) -> Vec<Curve> {
        vec![Curve { labels: LabelSet::default(), drop_name: false, column: Column::of(values) }]
    }

    fn of_histograms(&self, call: &Call, of: impl Fn(&NativeHistogram) -> f64) -> Result<Vec<Curve>, EvalError> {
        let series = self.vector(&call.args[0])?;
        Ok(each_cell(series, |_, cell| match cell {
            Cell::Histogram(h) => Cell::Float(of(&h)),
            _ => Cell::Empty,
        }))
    }

    fn absent(&self, arg: &Expr, present: impl Fn(usize) -> bool) -> Vec<Curve> {
        let labels = match arg.unwrap_parens() {
            Expr::Vector(v) => absent_labels(&v.selector),
            Expr::Matrix(m) => absent_labels(&m.vector.selector),
            _ => LabelSet::default(),
        };
        let mut column = Column::empty(self.grid.count);
        for step in (0..self.grid.count).filter(|step| !present(*step)) {
            column.set(step, Cell::Float(1.0));
        }
        if column.is_empty() { Vec::new() } else { vec![Curve { labels, drop_name: false, column }] }
    }

    fn sorted(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        let mut series = self.vector(&call.args[0])?;
        if self.params.step_ms.is_some() {
            let text = "sort is ineffective for range queries since results are always ordered by labels";
            self.notes.warn(call.span, text);
            return Ok(series);
        }
        let by_value = matches!(call.function, Function::Sort | Function::SortDesc);
        let descending = matches!(call.function, Function::SortDesc | Function::SortByLabelDesc);
        if by_value {
            if self.grid.count != 1 {
                // Within a subquery: there is no order to see.
                return Ok(series);
            }
            series.retain(|one| one.column.float(0).is_some());
            series.sort_by(|a, b| {
                let (a, b) = (a.column.float(0).unwrap_or(f64::NAN), b.column.float(0).unwrap_or(f64::NAN));
                let order = a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal);
                a.is_nan().cmp(&b.is_nan()).then(if descending { order.reverse() } else { order })
            });
            return Ok(series);
        }
        let names: Vec<String> = call.args[1..].iter().map(|arg| self.string(arg)).collect();
        series.sort_by(|a, b| {
            let pairs = names.iter().map(|name| (a.labels.get(name).unwrap_or(""), b.labels.get(name).unwrap_or("")));
            let order =
                pairs.map(|(a, b)| natural(a, b)).find(|o| o.is_ne()).unwrap_or_else(|| a.labels.cmp(&b.labels));
            if descending { order.reverse() } else { order }
        });
        Ok(series)
    }

    fn label_replace(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        let text = |n: usize| self.string(&call.args[n]);
        let (target, replacement, from, pattern) = (text(1), text(2), text(3), text(4));
        let regex = regex::Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|_| EvalError::new(format!("invalid regular expression in label_replace(): {pattern}")))?;
        if target.is_empty() || is_no_text(&call.args[1]) {
            return Err(EvalError::new(format!("invalid destination label name in label_replace(): {target}")));
        }
        let mut series = self.vector(&call.args[0])?;
        for one in &mut series {
            let Some(found) = regex.captures(one.labels.get(&from).unwrap_or_default()) else { continue };
            let mut value = String::new();
            found.expand(&replacement, &mut value);
            one.labels = with(&one.labels, &target, &value);
            one.drop_name &= target != crate::labels::NAME;
        }
        united(series)
    }

    fn label_join(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        let (target, separator) = (self.string(&call.args[1]), self.string(&call.args[2]));
        let names: Vec<String> = call.args[3..].iter().map(|arg| self.string(arg)).collect();
        if let Some(name) = names.iter().find(|name| name.is_empty()) {
            return Err(EvalError::new(format!("invalid source label name in label_join(): {name}")));
        }
        if target.is_empty() || is_no_text(&call.args[1]) {
            return Err(EvalError::new(format!("invalid destination label name in label_join(): {target}")));
        }
        let mut series = self.vector(&call.args[0])?;
        for one in &mut series {
            let values: Vec<&str> = names.iter().map(|name| one.labels.get(name).unwrap_or_default()).collect();
            one.labels = with(&one.labels, &target, &values.join(&separator));
            one.drop_name &= target != crate::labels::NAME;
        }
        united(series)
    }

    fn many_quantiles(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        let label = self.string(&call.args[1]);
        let series = self.wanting(Wanted::Buckets).vector(&call.args[0])?;
        let mut all = Vec::new();
        for arg in &call.args[2..] {
            let q = self.scalar(arg)?;
            for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                invalid_quantile(self.notes, *q, arg.span());
            }
            let value = q.first().map_or_else(String::new, |q| {
                let text = number_text(*q);
                if text.contains(['.', 'e', 'N', 'I']) { text } else { text + ".0" }
            });
            for mut one in self.quantiles(&series, &q, call.args[0].span())? {
                one.labels = with(&one.labels, &label, &value);
                all.push(one);
            }
        }
        Ok(all)
    }

    fn quantiles(&self, series: &[Curve], q: &[f64], span: Span) -> Result<Vec<Curve>, EvalError> {
        self.by_histogram(series, span, |step, name, cell| match cell {
            Shape::Classic(classic) => {
                let (value, repaired) = classic.quantile(q[step]);
                if let Some((first, last, diff)) = repaired {
                    let text = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
                    let text = for_metric(text, name);
                    self.notes.info(span, &format!("{text}, from buckets {first} to {last}, with a max diff of {diff:.2}"));
                }
                value
            }
            Shape::Native(h) => {
                let value = histogram::quantile(q[step], h);
                if h.sum.is_nan() && has_nan(h) && (0.0..=1.0).contains(&q[step]) {
                    let what = if value.is_nan() { "result is NaN" } else { "result is skewed higher" };
                    let text = format!("input to histogram_quantile has NaN observations, {what}");
                    self.notes.info(span, &for_metric(&text, name));
                }
                value
            }
        })
    }

    /// One number of each histogram, whatever its kind.
    fn by_histogram(
        &self,
        series: &[Curve],
        span: Span,
        of: impl Fn(usize, &str, Shape<'_>) -> f64,
    ) -> Result<Vec<Curve>, EvalError> {
        let mut groups: Vec<(LabelSet, Vec<Member<'_>>)> = Vec::new();
        let mut at: HashMap<LabelSet, usize> = HashMap::new();
        for one in series {
            let key = with(&one.labels, "le", "");
            let le = one.labels.get("le").unwrap_or_default();
            let bound = match le {
                "+Inf" | "Inf" => Some(f64::INFINITY),
                text => text.parse::<f64>().ok(),
            };
            let has_numbers = (0..one.column.len()).any(|step| one.column.float(step).is_some());
            if bound.is_none() && has_numbers {
                let text = format!("bucket label \"le\" is missing or has a malformed value of {}", quoted(le));
                self.notes.warn(span, &for_metric(&text, metric_name(&one.labels)));
            }
            let place = *at.entry(key.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((key, Vec::new()));
            }
            groups[place].1.push((bound, one));
        }
        let mut results = Vec::new();
        for (key, members) in groups {
            let mut column = Column::empty(self.grid.count);
            let mut natives: Vec<(&Curve, Column)> = Vec::new();
            for step in 0..self.grid.count {
                let mut classic = Classic::default();
                let mut native = None;
                for (bound, one) in &members {
                    match one.column.get(step) {
                        Cell::Float(count) => classic.0.extend(bound.map(|bound| (bound, count))),
                        Cell::Histogram(h) => native = Some((*one, h)),
                        Cell::Empty => {}
                    }
                }
                let name = metric_name(&key);
                match native {
                    Some(_) if !classic.0.is_empty() => {
                        let text = "vector contains a mix of classic and native histograms";
                        self.notes.warn(span, &for_metric(text, name));
                    }
                    Some((one, h)) => {
                        let value = Cell::Float(of(step, name, Shape::Native(&h)));
                        if natives.last().is_none_or(|(last, _)| last.labels != one.labels) {
                            natives.push((one, Column::empty(self.grid.count)));
                        }
                        if let Some((_, column)) = natives.last_mut() {
                            column.set(step, value);
                        }
                    }
                    None if classic.0.is_empty() => {}
                    None => column.set(step, Cell::Float(of(step, name, Shape::Classic(classic)))),
                }
            }
            results.extend(natives.into_iter().map(|(one, column)| Curve {
                labels: one.labels.clone(),
                drop_name: true,
                column,
            }));
            results.push(Curve { labels: key, drop_name: true, column });
        }
        results.retain(|one| !one.column.is_empty());
        Ok(results)
    }
}

/// Whether a literal holds bytes that are no UTF-8, which no label can have as its name.
pub(crate) fn is_no_text(expr: &Expr) -> bool {
    matches!(expr.unwrap_parens(), Expr::String(literal) if literal.invalid.is_some())
}

/// A series of a group, with its upper bound if it is a bucket.
type Member<'c> = (Option<f64>, &'c Curve);

enum Shape<'h> {
    Classic(Classic),
    Native(&'h NativeHistogram),
}

fn has_nan(h: &NativeHistogram) -> bool {
    histogram::all_buckets(h).iter().map(|b| b.count).sum::<f64>() < h.count
}

fn for_metric(text: &str, name: &str) -> String {
    if name.is_empty() { text.to_owned() } else { format!("{text} for metric name {}", quoted(name)) }
}

/// What the selector says of the series that are absent. Of several matchers for a label the order decides, as in Prometheus:
/// the first for equality says the value, any after it takes it back.
fn absent_labels(selector: &Selector) -> LabelSet {
    let mut said: Vec<(&str, &str)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for m in selector.0.iter().filter(|m| m.name != crate::labels::NAME) {
        said.retain(|(name, _)| *name != m.name);
        if m.op == MatchOp::Eq && !seen.contains(&m.name.as_str()) {
            said.push((&m.name, &m.value));
            seen.push(&m.name);
        }
    }
    said.into_iter().collect()
}

fn each_number(series: Vec<Curve>, of: impl Fn(usize, f64) -> Option<f64>) -> Vec<Curve> {
    each_cell(series, |step, cell| match cell {
        Cell::Float(value) => of(step, value).map_or(Cell::Empty, Cell::Float),
        _ => Cell::Empty,
    })
}

fn each_cell(mut series: Vec<Curve>, of: impl Fn(usize, Cell) -> Cell) -> Vec<Curve> {
    for one in &mut series {
        one.drop_name = true;
        for step in 0..one.column.len() {
            if one.column.is_some(step) {
                one.column.set(step, of(step, one.column.get(step)));
            }
        }
    }
    series.retain(|one| !one.column.is_empty());
    series
}

/// Numbers within texts compare as numbers.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (x, y) = (digits(a), digits(b));
        if x > 0 && y > 0 {
            let (one, two) = (a[..x].trim_start_matches('0'), b[..y].trim_start_matches('0'));
            let order = one.len().cmp(&two.len()).then(one.cmp(two));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[x..], &b[y..]);
            continue;
        }
        match (a.chars().next(), b.chars().next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]),
            (x, y) => return x.cmp(&y),
        }
    }
}

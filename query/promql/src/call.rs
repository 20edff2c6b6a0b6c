//! Functions that give an instant vector.

use crate::eval::{Evaluator, OnSeries, merge_equal, name_of, string};
use crate::histogram;
use crate::histogram_range::Context;
use crate::over_time as over;
use crate::rate::{Change, extrapolated, instant};
use crate::value::{Cell, Series, Steps};
use crate::window::Window;
use crate::{EvalError, dates, labels};
use gantry_model::LabelSet;
use gantry_model::MatchOp;
use gantry_model::metric::{METRIC_NAME, NativeHistogram};
use gantry_query_lang::promql::ast::{Call, ValueType};
use gantry_query_lang::promql::{Expr, Function};

const COUNTER_ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

impl Evaluator<'_> {
    pub(crate) fn call(&self, call: &Call, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        use Function as F;
        match call.function {
            F::Absent | F::AbsentOverTime => self.absent(call, steps, each),
            F::Vector => {
                let cells = self.scalar(&call.args[0], steps)?.into_iter().map(Cell::Float).collect();
                each(Series { labels: LabelSet::default(), drop_name: false, cells })
            }
            F::LabelReplace => self.label_replace(call, steps)?.into_iter().try_for_each(each),
            F::LabelJoin => self.label_join(call, steps)?.into_iter().try_for_each(each),
            F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc => {
                self.sorted(call, steps)?.into_iter().try_for_each(each)
            }
            F::HistogramQuantile => self.histogram_quantile(call, steps)?.into_iter().try_for_each(each),
            F::Timestamp => self.timestamp(call, steps, each),
            F::Info | F::HistogramQuantiles | F::StartTimestamp => {
                Err(EvalError::new(format!("{}() is not supported yet", call.function.as_str())))
            }
            _ if call.args.iter().any(|arg| arg.value_type() == ValueType::Matrix) => {
                self.over_range(call, steps, each)
            }
            _ if call.args.is_empty() => {
                let cells =
                    steps.iter().map(|at| Cell::Float(dates::part(call.function, at as f64 / 1000.0))).collect();
                each(Series { labels: LabelSet::default(), drop_name: false, cells })
            }
            _ => self.each_value(call, steps, each),
        }
    }

    /// Functions that change each value by itself.
    fn each_value(&self, call: &Call, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        let is_vector = |arg: &&Expr| arg.value_type() == ValueType::Vector;
        let Some(vector) = call.args.iter().find(is_vector) else {
            return Err(EvalError::new(format!("{} wants an instant vector", call.function.as_str())));
        };
        let scalars = call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar);
        let scalars: Vec<Vec<f64>> = scalars.map(|arg| self.scalar(arg, steps)).collect::<Result<_, _>>()?;
        self.each_series(vector, steps, &mut |mut series| {
            for (step, cell) in series.cells.iter_mut().enumerate() {
                let argument = |at: usize| scalars.get(at).map_or(f64::NAN, |values| values[step]);
                *cell = match &*cell {
                    Cell::Float(value) => changed(call.function, *value, scalars.len(), &argument),
                    Cell::Histogram(h) => of_histogram(call.function, h, &argument),
                    Cell::Empty => Cell::Empty,
                };
            }
            series.drop_name = true;
            each(series)
        })
    }

    /// Functions over the samples of a range.
    fn over_range(&self, call: &Call, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        let is_matrix = |arg: &&Expr| arg.value_type() == ValueType::Matrix;
        let Some(matrix) = call.args.iter().find(is_matrix) else {
            return Err(EvalError::new(format!("{} wants a range vector", call.function.as_str())));
        };
        let scalars = call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar);
        let scalars: Vec<Vec<f64>> = scalars.map(|arg| self.scalar(arg, steps)).collect::<Result<_, _>>()?;
        let function = call.function;
        let keeps_name = matches!(function, Function::FirstOverTime | Function::LastOverTime);
        self.check_scalars(call, &scalars)?;
        self.windows(
            matrix,
            steps,
            &mut |labels, window, step| {
                if matches!(function, Function::Rate | Function::Increase) {
                    self.expect_counter(call, labels, window);
                }
                let argument = |at: usize| scalars.get(at).map_or(f64::NAN, |values| values[step]);
                if !window.histograms.is_empty() {
                    let context = Context { e: self, function, span: matrix.span(), name: name_of(labels) };
                    if let Some(cell) = crate::histogram_range::apply(&context, window) {
                        return Ok(cell);
                    }
                }
                Ok(over_window(function, window, &argument))
            },
            &mut |mut series| {
                series.drop_name = !keeps_name;
                each(series)
            },
        )
    }

    fn check_scalars(&self, call: &Call, scalars: &[Vec<f64>]) -> Result<(), EvalError> {
        if call.function == Function::QuantileOverTime {
            let outside = |phi: &&f64| phi.is_nan() || **phi < 0.0 || **phi > 1.0;
            if let Some(phi) = scalars.iter().flatten().find(outside) {
                self.warn(&format!("quantile value should be between 0 and 1, got {phi}"), call.args[0].span());
            }
        }
        if call.function == Function::DoubleExponentialSmoothing {
            let names = ["smoothing", "trend"];
            for (name, values) in names.iter().zip(scalars) {
                if let Some(wrong) = values.iter().find(|factor| !(**factor > 0.0 && **factor < 1.0)) {
                    let text = format!(
                        "invalid {name} factor. Expected: 0 < {} < 1, got: {wrong}",
                        &format!("{}f", &name[..1])
                    );
                    return Err(EvalError::new(text));
                }
            }
        }
        Ok(())
    }

    /// Says so when the name does not look like that of a counter.
    fn expect_counter(&self, call: &Call, labels: &LabelSet, window: &Window<'_>) {
        let name = name_of(labels);
        let fits = name.is_empty() || COUNTER_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if !fits && window.values.len() >= 2 {
            let text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
            self.info(&format!("{text} {name:?}"), call.args[0].span());
        }
    }

    /// 1 at the steps at which there is nothing; the labels are those that the selector demands.
    fn absent(&self, call: &Call, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        let mut there = vec![false; steps.count()];
        let mut note = |series: Series| {
            there.iter_mut().zip(&series.cells).for_each(|(there, cell)| *there |= !cell.is_empty());
            Ok(())
        };
        if call.function == Function::Absent {
            self.each_series(&call.args[0], steps, &mut note)?;
        } else {
            self.windows(&call.args[0], steps, &mut |_, _, _| Ok(Cell::Float(1.0)), &mut note)?;
        }
        let cells = there.into_iter().map(|there| if there { Cell::Empty } else { Cell::Float(1.0) }).collect();
        each(Series { labels: demanded(&call.args[0]), drop_name: false, cells })
    }

    /// When the samples were taken; of what is no selector, the instant of the evaluation.
    fn timestamp(&self, call: &Call, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        let seconds = |millis: i64| millis as f64 / 1000.0;
        let Expr::Vector(selector) = call.args[0].unwrap_parens() else {
            return self.each_series(&call.args[0], steps, &mut |mut series| {
                for (cell, at) in series.cells.iter_mut().zip(steps.iter()) {
                    *cell = if cell.is_empty() { Cell::Empty } else { Cell::Float(seconds(at)) };
                }
                series.drop_name = true;
                each(series)
            });
        };
        let lookback = self.params.lookback;
        self.each_sample_set(selector, steps, lookback, &mut |labels, samples, instants| {
            let mut edges = crate::window::Edges::default();
            let cell = |end: &i64| {
                let window = edges.window(samples, *end, lookback, *end);
                let number = window.times.last().zip(window.values.last());
                match (number, window.histograms.last()) {
                    (_, Some((time, _))) if window.last_is_histogram() => Cell::Float(seconds(*time)),
                    (Some((time, value)), _) if !gantry_model::metric::is_stale(*value) => Cell::Float(seconds(*time)),
                    _ => Cell::Empty,
                }
            };
            let cells = instants.iter().map(cell).collect();
            each(Series { labels: labels.clone(), drop_name: true, cells })
        })
    }

    fn label_replace(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let [target, replacement, source, pattern] = [1, 2, 3, 4].map(|at| string(&call.args[at]));
        let refused = || EvalError::new(format!("invalid regular expression in label_replace(): {pattern}"));
        let pattern = gantry_query_lang::rust_regex(&pattern).map_err(|_| refused())?;
        let regex = regex::Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| refused())?;
        if target.is_empty() {
            return Err(EvalError::new(format!("invalid destination label name in label_replace(): {target}")));
        }
        let mut all = self.vector(&call.args[0], steps)?;
        for series in &mut all {
            let value = series.labels.get(&source).unwrap_or("").to_owned();
            if let Some(found) = regex.captures(&value) {
                let mut new = String::new();
                found.expand(&replacement, &mut new);
                series.labels = labels::set(&series.labels, &target, &new);
                if target == METRIC_NAME {
                    series.drop_name = false;
                }
            }
        }
        merge_equal(&mut all)?;
        Ok(all)
    }

    fn label_join(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let (target, separator) = (string(&call.args[1]), string(&call.args[2]));
        let sources: Vec<String> = call.args[3..].iter().map(string).collect();
        if target.is_empty() {
            return Err(EvalError::new(format!("invalid destination label name in label_join(): {target}")));
        }
        let mut all = self.vector(&call.args[0], steps)?;
        for series in &mut all {
            let values: Vec<&str> = sources.iter().map(|name| series.labels.get(name).unwrap_or("")).collect();
            series.labels = labels::set(&series.labels, &target, &values.join(&separator));
            if target == METRIC_NAME {
                series.drop_name = false;
            }
        }
        merge_equal(&mut all)?;
        Ok(all)
    }

    /// By value or by labels; only the last step counts, since only instant queries have an order.
    fn sorted(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let mut all = self.vector(&call.args[0], steps)?;
        let value = |series: &Series| series.cells.last().and_then(Cell::float);
        match call.function {
            Function::Sort | Function::SortDesc => {
                all.retain(|series| value(series).is_some());
                let descending = call.function == Function::SortDesc;
                all.sort_by(|a, b| ordered(value(a), value(b), descending));
            }
            _ => {
                let names: Vec<String> = call.args[1..].iter().map(string).collect();
                all.sort_by(|a, b| {
                    let by_name = names.iter().map(|name| natural(a.labels.get(name), b.labels.get(name)));
                    by_name
                        .fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                        .then_with(|| a.labels.cmp(&b.labels))
                });
                if call.function == Function::SortByLabelDesc {
                    all.reverse();
                }
            }
        }
        Ok(all)
    }
}

/// NaN comes last in either order.
pub(crate) fn ordered(a: Option<f64>, b: Option<f64>, descending: bool) -> std::cmp::Ordering {
    let (a, b) = (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN));
    match (a.is_nan(), b.is_nan()) {
        (false, false) if descending => b.total_cmp(&a),
        (false, false) => a.total_cmp(&b),
        (a, b) => a.cmp(&b),
    }
}

/// Runs of digits compare as numbers.
fn natural(a: Option<&str>, b: Option<&str>) -> std::cmp::Ordering {
    let (mut a, mut b) = (a.unwrap_or("").as_bytes(), b.unwrap_or("").as_bytes());
    loop {
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (in_a, in_b) = (digits(a), digits(b));
        if in_a > 0 && in_b > 0 {
            let trimmed = |text: &[u8]| text.iter().position(|byte| *byte != b'0').unwrap_or(text.len());
            let (x, y) = (&a[..in_a], &b[..in_b]);
            let (x, y) = (&x[trimmed(x)..], &y[trimmed(y)..]);
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[in_a..], &b[in_b..]);
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (Some((x, _)), Some((y, _))) if x != y => return x.cmp(y),
            (Some((_, rest_a)), Some((_, rest_b))) => (a, b) = (rest_a, rest_b),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

/// Labels that a selector demands by equality, each once.
fn demanded(expr: &Expr) -> LabelSet {
    let selector = match expr.unwrap_parens() {
        Expr::Vector(vector) => &vector.selector,
        Expr::Matrix(matrix) => &matrix.vector.selector,
        _ => return LabelSet::default(),
    };
    let named = |name: &str| selector.0.iter().filter(|matcher| matcher.name == name).count();
    let wanted = selector
        .0
        .iter()
        .filter(|matcher| matcher.op == MatchOp::Eq && matcher.name != METRIC_NAME && named(&matcher.name) == 1);
    wanted.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())).collect()
}

/// The value of a function of one number and perhaps some more.
fn changed(function: Function, value: f64, given: usize, argument: &dyn Fn(usize) -> f64) -> Cell {
    use Function as F;
    Cell::Float(match function {
        F::Abs => value.abs(),
        F::Acos => value.acos(),
        F::Acosh => value.acosh(),
        F::Asin => value.asin(),
        F::Asinh => value.asinh(),
        F::Atan => value.atan(),
        F::Atanh => value.atanh(),
        F::Ceil => value.ceil(),
        F::Clamp if argument(1) < argument(0) => return Cell::Empty,
        F::Clamp => least(argument(1), greatest(argument(0), value)),
        F::ClampMax => least(argument(0), value),
        F::ClampMin => greatest(argument(0), value),
        F::Cos => value.cos(),
        F::Cosh => value.cosh(),
        F::Deg => value * 180.0 / std::f64::consts::PI,
        F::Exp => value.exp(),
        F::Floor => value.floor(),
        F::Ln => value.ln(),
        F::Log10 => value.log10(),
        F::Log2 => value.log2(),
        F::Rad => value * std::f64::consts::PI / 180.0,
        F::Round => {
            // By the inverse, as Prometheus does: 0.1 has one that is exact, 0.1 itself is not.
            let inverse = 1.0 / if given > 0 { argument(0) } else { 1.0 };
            (value * inverse + 0.5).floor() / inverse
        }
        F::Sgn if value > 0.0 => 1.0,
        F::Sgn if value < 0.0 => -1.0,
        F::Sgn => value,
        F::Sin => value.sin(),
        F::Sinh => value.sinh(),
        F::Sqrt => value.sqrt(),
        F::Tan => value.tan(),
        F::Tanh => value.tanh(),
        // What is known of histograms only.
        F::HistogramAvg
        | F::HistogramCount
        | F::HistogramFraction
        | F::HistogramStddev
        | F::HistogramStdvar
        | F::HistogramSum => return Cell::Empty,
        other => dates::part(other, value),
    })
}

/// NaN where either is, unlike `f64::min`.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn greatest(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The value of a function of a range.
fn over_window(function: Function, window: &Window<'_>, argument: &dyn Fn(usize) -> f64) -> Cell {
    use Function as F;
    let values = window.values;
    let count = window.values.len() + window.histograms.len();
    match function {
        F::Rate => return extrapolated(window, Change { counter: true, rate: true }),
        F::Increase => return extrapolated(window, Change { counter: true, rate: false }),
        F::Delta => return extrapolated(window, Change { counter: false, rate: false }),
        F::Irate => return instant(window, Change { counter: true, rate: true }),
        F::Idelta => return instant(window, Change { counter: false, rate: false }),
        F::FirstOverTime => return over::first(window),
        F::LastOverTime => return over::last(window),
        F::CountOverTime => return Cell::Float(count as f64),
        F::PresentOverTime => return Cell::Float(1.0),
        _ if values.is_empty() => return Cell::Empty,
        _ => {}
    }
    let seconds = |millis: i64| millis as f64 / 1000.0;
    let needs_two = matches!(function, F::Deriv | F::PredictLinear | F::DoubleExponentialSmoothing);
    if needs_two && values.len() < 2 {
        return Cell::Empty;
    }
    Cell::Float(match function {
        F::AvgOverTime => over::mean(values),
        F::SumOverTime => over::sum(values),
        F::MaxOverTime => values[over::max_at(values)],
        F::MinOverTime => values[over::min_at(values)],
        F::StddevOverTime => over::variance(values).sqrt(),
        F::StdvarOverTime => over::variance(values),
        F::QuantileOverTime => over::quantile(argument(0), &mut values.to_vec()),
        F::MadOverTime => {
            let median = over::quantile(0.5, &mut values.to_vec());
            over::quantile(0.5, &mut values.iter().map(|value| (value - median).abs()).collect::<Vec<_>>())
        }
        F::Changes => over::changes(values),
        F::Resets => over::resets(values),
        F::Deriv => over::regression(window, window.times[0]).0,
        F::PredictLinear => {
            let (slope, intercept) = over::regression(window, window.at);
            slope * argument(0) + intercept
        }
        F::DoubleExponentialSmoothing => match over::smoothed(values, argument(0), argument(1)) {
            Some(value) => value,
            None => return Cell::Empty,
        },
        F::TsOfFirstOverTime => seconds(window.times[0]),
        F::TsOfLastOverTime => seconds(window.times[values.len() - 1]),
        F::TsOfMaxOverTime => seconds(window.times[last_equal(values, over::max_at(values))]),
        F::TsOfMinOverTime => seconds(window.times[last_equal(values, over::min_at(values))]),
        _ => return Cell::Empty,
    })
}

/// The last place with the same value.
fn last_equal(values: &[f64], at: usize) -> usize {
    values.iter().rposition(|value| *value == values[at]).unwrap_or(at)
}

/// What a function of single values makes of a native histogram.
fn of_histogram(function: Function, h: &NativeHistogram, argument: &dyn Fn(usize) -> f64) -> Cell {
    Cell::Float(match function {
        Function::HistogramCount => h.count,
        Function::HistogramSum => h.sum,
        Function::HistogramAvg => h.sum / h.count,
        Function::HistogramStdvar => histogram::variance(h),
        Function::HistogramStddev => histogram::variance(h).sqrt(),
        Function::HistogramFraction => histogram::fraction(argument(0), argument(1), h),
        _ => return Cell::Empty,
    })
}

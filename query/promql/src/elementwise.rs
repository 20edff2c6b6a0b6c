//! Operators and functions of single values.

use crate::Cell;
use crate::histogram;
use crate::notes::{Notes, collision, quoted, reconciled};
use gantry_model::metric::{NativeHistogram, ResetHint};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::{BinaryExpr, BinaryOp};

fn holds(op: BinaryOp, l: f64, r: f64) -> bool {
    match op {
        BinaryOp::Eq => l == r,
        BinaryOp::NotEq => l != r,
        BinaryOp::Gt => l > r,
        BinaryOp::Gte => l >= r,
        BinaryOp::Lt => l < r,
        BinaryOp::Lte => l <= r,
        _ => false,
    }
}

/// A comparison answers 0 or 1.
pub(crate) fn numbers(op: BinaryOp, l: f64, r: f64) -> f64 {
    match op {
        BinaryOp::Add => l + r,
        BinaryOp::Sub => l - r,
        BinaryOp::Mul => l * r,
        BinaryOp::Div => l / r,
        BinaryOp::Mod => l % r,
        BinaryOp::Pow => l.powf(r),
        BinaryOp::Atan2 => l.atan2(r),
        other => f64::from(u8::from(holds(other, l, r))),
    }
}

/// `None` where a comparison fails or the operator does not know such values.
pub(crate) fn cells(notes: &Notes, b: &BinaryExpr, l: &Cell, r: &Cell) -> Cell {
    let truth = |truth: bool| match (b.return_bool, truth) {
        (true, _) => Cell::Float(f64::from(u8::from(truth))),
        (false, true) => l.clone(),
        (false, false) => Cell::Empty,
    };
    let incompatible = |l: &str, r: &str| {
        let op = b.op.as_str();
        let text = format!("incompatible sample types encountered for binary operator {}: {l} {op} {r}", quoted(op));
        notes.info(b.span(), &text);
        Cell::Empty
    };
    match (l, r) {
        (Cell::Float(l), Cell::Float(r)) => match b.op {
            op if op.is_comparison() => truth(holds(op, *l, *r)),
            BinaryOp::TrimUpper | BinaryOp::TrimLower => incompatible("float", "float"),
            op => Cell::Float(numbers(op, *l, *r)),
        },
        (Cell::Float(l), Cell::Histogram(r)) => match b.op {
            BinaryOp::Mul => Cell::histogram(histogram::scale(r, *l)),
            _ => incompatible("float", "histogram"),
        },
        (Cell::Histogram(l), Cell::Float(r)) => match b.op {
            BinaryOp::Mul => Cell::histogram(histogram::scale(l, *r)),
            BinaryOp::Div => Cell::histogram(histogram::divide(l, *r)),
            BinaryOp::TrimUpper => Cell::histogram(histogram::trim(l, *r, true)),
            BinaryOp::TrimLower => Cell::histogram(histogram::trim(l, *r, false)),
            _ => incompatible("histogram", "float"),
        },
        (Cell::Histogram(l), Cell::Histogram(r)) => match b.op {
            BinaryOp::Eq => truth(histogram::equal(l, r)),
            BinaryOp::NotEq => truth(!histogram::equal(l, r)),
            BinaryOp::Add | BinaryOp::Sub => sum(notes, b, l, r),
            _ => incompatible("histogram", "histogram"),
        },
        _ => Cell::Empty,
    }
}

fn sum(notes: &Notes, b: &BinaryExpr, l: &NativeHistogram, r: &NativeHistogram) -> Cell {
    let subtract = b.op == BinaryOp::Sub;
    let result = if subtract { histogram::sub(l, r) } else { histogram::add(l, r) };
    let Ok(mut result) = result else {
        let text = format!("incompatible bucket layout encountered for binary operator {}", b.op.as_str());
        notes.warn(b.span(), &text);
        return Cell::Empty;
    };
    let operation = if subtract { "subtraction" } else { "addition" };
    if result.reset_collision {
        notes.warn(b.span(), &collision(operation));
    }
    if result.reconciled {
        notes.info(b.span(), &reconciled(operation));
    }
    if subtract {
        result.histogram.reset_hint = ResetHint::Gauge;
    }
    Cell::histogram(result.histogram)
}

/// The smaller one: minus infinity if either is, else NaN if either is.
pub(crate) fn least(a: f64, b: f64) -> f64 {
    -most(-a, -b)
}

/// The larger one: infinity if either is, else NaN if either is.
pub(crate) fn most(a: f64, b: f64) -> f64 {
    match () {
        () if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        () if a.is_nan() || b.is_nan() => f64::NAN,
        () => a.max(b),
    }
}

/// To the nearest multiple, halves upwards.
pub(crate) fn round(value: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (value * inverse + 0.5).floor() / inverse
}

/// A function of one number; `None` for functions that are no such.
pub(crate) fn function(function: Function) -> Option<fn(f64) -> f64> {
    Some(match function {
        Function::Abs => f64::abs,
        Function::Acos => f64::acos,
        Function::Acosh => f64::acosh,
        Function::Asin => f64::asin,
        Function::Asinh => f64::asinh,
        Function::Atan => f64::atan,
        Function::Atanh => f64::atanh,
        Function::Ceil => f64::ceil,
        Function::Cos => f64::cos,
        Function::Cosh => f64::cosh,
        Function::Deg => f64::to_degrees,
        Function::Exp => f64::exp,
        Function::Floor => f64::floor,
        Function::Ln => f64::ln,
        Function::Log10 => f64::log10,
        Function::Log2 => f64::log2,
        Function::Rad => f64::to_radians,
        Function::Sgn => |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        },
        Function::Sin => f64::sin,
        Function::Sinh => f64::sinh,
        Function::Sqrt => f64::sqrt,
        Function::Tan => f64::tan,
        Function::Tanh => f64::tanh,
        Function::DayOfMonth => |t| f64::from(date(days(t)).2),
        Function::DayOfWeek => |t| (days(t) + 4).rem_euclid(7) as f64,
        Function::DayOfYear => |t| (days(t) - days_before(date(days(t)).0, 1) + 1) as f64,
        Function::DaysInMonth => |t| {
            let (year, month, _) = date(days(t));
            let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            (days_before(next_year, next) - days_before(year, month)) as f64
        },
        Function::Hour => |t| (seconds(t).rem_euclid(86_400) / 3_600) as f64,
        Function::Minute => |t| (seconds(t).rem_euclid(3_600) / 60) as f64,
        Function::Month => |t| f64::from(date(days(t)).1),
        Function::Year => |t| date(days(t)).0 as f64,
        _ => return None,
    })
}

/// Whole seconds since 1970. What is no number or too large for 64 bits is the smallest such number, and what is before the
/// first year of Go's calendar is taken round to its far end: Prometheus' answers for such values follow from that.
fn seconds(t: f64) -> i128 {
    const FIRST: i128 = -9_223_372_028_715_321_600;
    let fits = t >= i64::MIN as f64 && t < -(i64::MIN as f64);
    let whole = i128::from(if fits { t as i64 } else { i64::MIN });
    if whole < FIRST { whole + (1 << 64) } else { whole }
}

fn days(t: f64) -> i64 {
    seconds(t).div_euclid(86_400) as i64
}

/// Year, month from 1, day from 1, in UTC (the Gregorian calendar, counted in eras of 400 years from 1 March).
fn date(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// Days from 1970 to the first of a month.
fn days_before(year: i64, month: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted = i64::from((month + 9) % 12);
    let of_era = year.rem_euclid(400);
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * shifted + 2) / 5 - 719_468
}

//! Arithmetic of templates: whole numbers wrap, `...f` functions compute in decimals so that 0.1 + 0.2 is 0.3.

use super::functions::Function;
use crate::value::parse_float;
use gantry_template::{Args, TemplateError, Value, fail, integer};

pub(super) fn call(function: Function, values: Vec<Value>) -> Result<Value, TemplateError> {
    use Function::*;
    let (min, max) = match function {
        Int | Float64 | Ceil | Floor => (1, 1),
        Sub | Div | Mod => (2, 2),
        Round => (2, 3),
        Add | Addf => (0, usize::MAX),
        _ => (1, usize::MAX),
    };
    let args = Args::new(values, min, max)?;
    let fold = |f: fn(i64, i64) -> i64| args.values().iter().map(to_int).reduce(f).unwrap_or(0);
    let fold_f = |f: fn(f64, f64) -> f64| args.values().iter().map(to_float).reduce(f).unwrap_or(0.0);
    let (a, b) = (to_int(args.value(0)), to_int(args.value(1)));
    Ok(match function {
        Int => Value::Int(a),
        Float64 => Value::Float(to_float(args.value(0))),
        Add => Value::Int(fold(i64::wrapping_add)),
        Mul => Value::Int(fold(i64::wrapping_mul)),
        Max => Value::Int(fold(i64::max)),
        Min => Value::Int(fold(i64::min)),
        Sub => Value::Int(a.wrapping_sub(b)),
        Div | Mod if b == 0 => return fail("error calling div: runtime error: integer divide by zero"),
        Div => Value::Int(a.wrapping_div(b)),
        Mod => Value::Int(a.wrapping_rem(b)),
        Maxf => Value::Float(fold_f(f64::max)),
        Minf => Value::Float(fold_f(f64::min)),
        Ceil => Value::Float(to_float(args.value(0)).ceil()),
        Floor => Value::Float(to_float(args.value(0)).floor()),
        Round => Value::Float(round(&args)?),
        _ => Value::Float(decimals(function, &args)?),
    })
}

/// A whole number: floats lose their fraction, texts are read, anything else is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) | Value::Named(n, _) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Text(text) => {
            let whole = text.split_once('.').filter(|(_, f)| f.bytes().all(|b| b == b'0')).map_or(&**text, |(w, _)| w);
            integer(whole).unwrap_or(0)
        }
        _ => 0,
    }
}

fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(n) | Value::Named(n, _) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Text(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn round(args: &Args) -> Result<f64, TemplateError> {
    let places = args.int(1)?.clamp(-400, 400) as i32;
    let threshold = if args.len() > 2 { to_float(args.value(2)) } else { 0.5 };
    let scale = 10f64.powi(places);
    let scaled = scale * to_float(args.value(0));
    let rounded = if scaled.fract() >= threshold { scaled.ceil() } else { scaled.floor() };
    Ok(rounded / scale)
}

fn decimals(function: Function, args: &Args) -> Result<f64, TemplateError> {
    let mut total = to_float(args.value(0));
    for value in args.values().iter().skip(1) {
        let next = to_float(value);
        let (a, b) = (Decimal::from(total), Decimal::from(next));
        total = match function {
            Function::Divf if next == 0.0 => return fail("error calling divf: decimal division by 0"),
            Function::Addf => a.zip(b).and_then(|(a, b)| a.add(b)).unwrap_or(total + next),
            Function::Subf => {
                a.zip(b).and_then(|(a, b)| a.add(Decimal { digits: -b.digits, ..b })).unwrap_or(total - next)
            }
            Function::Mulf => a.zip(b).and_then(|(a, b)| a.mul(b)).unwrap_or(total * next),
            _ => a.zip(b).and_then(|(a, b)| a.div(b)).unwrap_or(total / next),
        };
    }
    Ok(total)
}

/// `digits` times ten to the `exponent`.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// A quotient keeps this many places after the point.
const DIVISION_PLACES: i32 = 16;

impl Decimal {
    fn from(value: f64) -> Option<Decimal> {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let places = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = mantissa.replace('.', "").parse().ok()?;
        Some(Decimal { digits, exponent: exponent.parse::<i32>().ok()? - places as i32 })
    }

    fn at(self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent - exponent).ok()?;
        self.digits.checked_mul(10i128.checked_pow(power)?)
    }

    fn float(digits: i128, exponent: i32) -> Option<f64> {
        format!("{digits}e{exponent}").parse().ok()
    }

    fn add(self, other: Decimal) -> Option<f64> {
        let exponent = self.exponent.min(other.exponent);
        Self::float(self.at(exponent)?.checked_add(other.at(exponent)?)?, exponent)
    }

    fn mul(self, other: Decimal) -> Option<f64> {
        Self::float(self.digits.checked_mul(other.digits)?, self.exponent.checked_add(other.exponent)?)
    }

    fn div(self, other: Decimal) -> Option<f64> {
        let shift = DIVISION_PLACES + self.exponent - other.exponent;
        let (mut up, mut down) = (self.digits, other.digits);
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift >= 0 {
            up = up.checked_mul(power)?;
        } else {
            down = down.checked_mul(power)?;
        }
        let (quotient, rest) = (up / down, up % down);
        let away = if (up < 0) == (down < 0) { 1 } else { -1 };
        let rounded = if rest.unsigned_abs() * 2 >= down.unsigned_abs() { quotient + away } else { quotient };
        Self::float(rounded, -DIVISION_PLACES)
    }
}

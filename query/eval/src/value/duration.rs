//! Durations such as `1h2m3s` and `1.5ms`.

use super::{ValueError, quoted};

const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads a duration into nanoseconds. Units: ns, us, µs, ms, s, m, h; a bare `0` needs none.
pub fn parse_duration(text: &str) -> Result<i64, ValueError> {
    let invalid = || ValueError(format!("time: invalid duration {}", quoted(text)));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..digits];
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let nanos_per_unit = unit(text, number, &rest[..unit_len])?;
        rest = &rest[unit_len..];
        total += scaled(number, nanos_per_unit).ok_or_else(invalid)?;
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -total } else { total })
}

fn unit(text: &str, number: &str, unit: &str) -> Result<f64, ValueError> {
    if number.is_empty() || number == "." || number.matches('.').count() > 1 {
        return Err(ValueError(format!("time: invalid duration {}", quoted(text))));
    }
    if unit.is_empty() {
        return Err(ValueError(format!("time: missing unit in duration {}", quoted(text))));
    }
    match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, nanos)) => Ok(*nanos),
        None => Err(ValueError(format!("time: unknown unit {} in duration {}", quoted(unit), quoted(text)))),
    }
}

fn scaled(number: &str, nanos_per_unit: f64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
    let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    Some(whole * nanos_per_unit as i128 + (fraction * nanos_per_unit) as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        assert_eq!(parse_duration("1h2m3s"), Ok(3_723_000_000_000));
        assert_eq!(parse_duration("33.5ms"), Ok(33_500_000));
        assert_eq!(parse_duration("-1.5us"), Ok(-1500));
        assert_eq!(parse_duration("0"), Ok(0));
        assert_eq!(parse_duration("1d").unwrap_err().0, r#"time: unknown unit "d" in duration "1d""#);
        assert_eq!(parse_duration("5").unwrap_err().0, r#"time: missing unit in duration "5""#);
        assert_eq!(parse_duration("oops").unwrap_err().0, r#"time: invalid duration "oops""#);
    }
}

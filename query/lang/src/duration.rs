//! Durations in the two notations that LogQL accepts: Prometheus' (`1d12h`) and Go's (`1.5h`, `-30m`, `10us`).

use crate::gotext::quote;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// Prometheus' units from large to small; a duration names them in this order, each at most once.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3600 * SECOND),
    ("w", 7 * 24 * 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
    ("h", 3600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", MS),
];

/// Reads Prometheus' notation to nanoseconds. Errors carry the texts of its own parser.
pub fn parse_prometheus_duration(text: &str) -> Result<i64, String> {
    match text {
        "" => return Err("empty duration string".into()),
        "0" => return Ok(0),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let (mut rest, mut next_unit, mut total) = (text, 0, 0u64);
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit());
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        if unit.is_empty() {
            return Err(invalid());
        }
        let at = UNITS.iter().position(|(name, _)| *name == unit);
        let at = at.ok_or_else(|| format!("unknown unit {} in duration {}", quote(unit), quote(text)))?;
        if at < next_unit {
            return Err(invalid());
        }
        next_unit = at + 1;
        let sum = count.checked_mul(UNITS[at].1).and_then(|n| total.checked_add(n));
        total = sum.filter(|n| *n <= i64::MAX as u64).ok_or("duration out of range")?;
        rest = after;
    }
    Ok(total as i64)
}

/// Reads Go's notation (`time.ParseDuration`) to nanoseconds.
pub fn parse_go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0i128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        total += scaled(number, go_unit(unit)?)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn go_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => MS,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    })
}

/// `1.5` times a unit; digits below a nanosecond are cut off.
fn scaled(number: &str, unit: u64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10i128.pow(fraction.len() as u32);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole * i128::from(unit) + fraction * i128::from(unit) / scale)
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

/// Prometheus' notation, as it prints ranges: `1d12h`, and `90m` as `1h30m`. Finer than a millisecond is cut off.
pub fn format_prometheus_duration(nanos: i64) -> String {
    let mut rest = nanos.unsigned_abs() / MS * MS;
    if rest == 0 {
        return "0s".into();
    }
    let mut out = String::from(if nanos < 0 { "-" } else { "" });
    for (at, (name, unit)) in UNITS.iter().enumerate() {
        // Years and weeks are named only when nothing remains: 8d is not 1w1d.
        let only_exact = at < 2;
        if rest < *unit || only_exact && !rest.is_multiple_of(*unit) {
            continue;
        }
        out += &format!("{}{name}", rest / unit);
        rest %= unit;
    }
    out
}

/// Go's notation, as it prints offsets: `5m0s`, `1.5s`, `250ms`.
pub fn format_go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let small = |unit: u64, name: &str| format!("{sign}{}{name}", decimal(n, unit));
    match n {
        0 => "0s".into(),
        1..1_000 => format!("{sign}{n}ns"),
        1_000..MS => small(1_000, "\u{b5}s"),
        MS..SECOND => small(MS, "ms"),
        _ => {
            let seconds = decimal(n % (60 * SECOND), SECOND);
            let minutes = n / (60 * SECOND);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}

fn decimal(n: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let fraction = format!("{:0width$}", n % unit);
    match fraction.trim_end_matches('0') {
        "" => (n / unit).to_string(),
        digits => format!("{}.{digits}", n / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_read() {
        assert_eq!(parse_prometheus_duration("1d12h"), Ok(36 * 3600 * SECOND as i64));
        assert_eq!(parse_prometheus_duration("5m1h"), Err("not a valid duration string: \"5m1h\"".into()));
        assert_eq!(parse_prometheus_duration("5x"), Err("unknown unit \"x\" in duration \"5x\"".into()));
        assert_eq!(parse_prometheus_duration("300y"), Err("duration out of range".into()));
        assert_eq!(parse_go_duration("-1.5h"), Some(-5400 * SECOND as i64));
        assert_eq!(parse_go_duration("1h2"), None);
        assert_eq!(parse_go_duration("-"), None);
    }

    #[test]
    fn both_notations_are_written() {
        assert_eq!(format_go_duration(300 * SECOND as i64), "5m0s");
        assert_eq!(format_go_duration(-1_500_000), "-1.5ms");
        assert_eq!(format_prometheus_duration(5400 * SECOND as i64), "1h30m");
        assert_eq!(format_prometheus_duration(8 * 24 * 3600 * SECOND as i64), "8d");
        assert_eq!(format_prometheus_duration(25 * 3600 * SECOND as i64), "1d1h");
    }
}

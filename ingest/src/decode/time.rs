//! Timestamps as programs write them: RFC 3339, or a number of seconds, milli-, micro- or nanoseconds.

use gantry_model::Timestamp;

/// Reads RFC 3339 (with `T` or a blank) or a decimal number since 1970, whose unit follows from its size: seconds up to
/// 10^11, then milliseconds up to 10^14, microseconds up to 10^17, nanoseconds. `None` when it is neither or outside of
/// 64 bits of nanoseconds.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.as_bytes().first()? {
        b'-' | b'+' => number(text),
        b if b.is_ascii_digit() && !text.contains(':') => number(text),
        _ => chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp),
    }
}

fn number(text: &str) -> Option<Timestamp> {
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().ok()?;
        let nanos = value * nanos_per_unit(value.abs()) as f64;
        return (nanos.abs() < i64::MAX as f64).then_some(Timestamp(nanos as i64));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().ok()?;
    let unit = nanos_per_unit(whole.unsigned_abs() as f64);
    let part = fraction_of(fraction, unit)?;
    let nanos = whole.checked_mul(unit)?;
    let nanos = if negative { nanos.checked_sub(part) } else { nanos.checked_add(part) };
    nanos.map(Timestamp)
}

fn nanos_per_unit(value: f64) -> i64 {
    match value {
        v if v < 1e11 => 1_000_000_000,
        v if v < 1e14 => 1_000_000,
        v if v < 1e17 => 1_000,
        _ => 1,
    }
}

/// `0.<digits>` of `unit`, cut to whole nanoseconds.
fn fraction_of(digits: &str, unit: i64) -> Option<i64> {
    let (mut sum, mut weight) = (0, unit);
    for byte in digits.bytes() {
        weight /= 10;
        sum += weight * i64::from(char::from(byte).to_digit(10)?);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_usual_form_is_read_to_the_nanosecond() {
        let cases = [
            ("1715680800", 1_715_680_800_000_000_000),
            ("1715680800.123456789", 1_715_680_800_123_456_789),
            ("1715680800123", 1_715_680_800_123_000_000),
            ("1715680800123.5", 1_715_680_800_123_500_000),
            ("1715680800123456", 1_715_680_800_123_456_000),
            ("1715680800123456789", 1_715_680_800_123_456_789),
            ("-1.5", -1_500_000_000),
            ("1.7156808e9", 1_715_680_800_000_000_000),
            ("2024-05-14T10:00:00Z", 1_715_680_800_000_000_000),
            ("2024-05-14T12:00:00.000000001+02:00", 1_715_680_800_000_000_001),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Some(Timestamp(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "soon", "12 May", "9999-01-01T00:00:00Z", "1e300", "1.x", "99999999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "[-+0-9.eE:TZ ]{0,30}") {
            let _ = parse(&text);
        }
    }
}

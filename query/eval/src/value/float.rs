//! Floating point numbers as text.

use super::{ValueError, quoted};

/// Reads a decimal or hexadecimal float, `inf` or `nan`. A number too large for an `f64` is an error, as in LogQL.
pub fn parse_float(text: &str) -> Result<f64, ValueError> {
    let error = |what: &str| ValueError(format!("strconv.ParseFloat: parsing {}: {what}", quoted(text)));
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hex) = bare.strip_prefix("0x").or_else(|| bare.strip_prefix("0X")) {
        let value = parse_hex(hex).ok_or_else(|| error("invalid syntax"))?;
        return Ok(if text.starts_with('-') { -value } else { value });
    }
    let value: f64 = text.parse().map_err(|_| error("invalid syntax"))?;
    let named = bare.starts_with(|c: char| c.is_ascii_alphabetic());
    if value.is_infinite() && !named {
        return Err(error("value out of range"));
    }
    Ok(value)
}

/// Digits after `0x`; the binary exponent is obligatory.
fn parse_hex(text: &str) -> Option<f64> {
    let at = text.find(['p', 'P'])?;
    let exponent: i32 = text[at + 1..].parse().ok()?;
    let (mut mantissa, mut scale, mut digits, mut after_dot) = (0f64, 0i32, 0, false);
    for c in text[..at].chars() {
        match c {
            '_' => {}
            '.' if !after_dot => after_dot = true,
            c => {
                mantissa = mantissa * 16.0 + f64::from(c.to_digit(16)?);
                digits += 1;
                scale -= if after_dot { 4 } else { 0 };
            }
        }
    }
    (digits > 0).then(|| mantissa * f64::from(exponent.saturating_add(scale)).exp2())
}

/// As LogQL prints a sample: no exponent, as many digits as the number needs, `+Inf`, `-Inf`, `NaN`.
pub fn format_sample(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(parse_float("1e3"), Ok(1000.0));
        assert_eq!(parse_float("-12.5"), Ok(-12.5));
        assert_eq!(parse_float("0x1p-2"), Ok(0.25));
        assert!(parse_float("0x10").is_err());
        assert_eq!(parse_float("").unwrap_err().0, r#"strconv.ParseFloat: parsing "": invalid syntax"#);
        assert_eq!(parse_float("1e999").unwrap_err().0, r#"strconv.ParseFloat: parsing "1e999": value out of range"#);
        assert!(parse_float("Inf").is_ok_and(|v| v.is_infinite()));
    }

    #[test]
    fn prints_what_go_prints() {
        assert_eq!(format_sample(1e21), "1000000000000000000000");
    }
}

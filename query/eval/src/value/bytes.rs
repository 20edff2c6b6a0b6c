//! Byte sizes such as `3KiB` and `1.2MB`.

use super::{ValueError, parse_float, quoted};

/// Reads a size into bytes, rounded down. `k`, `kB` are decimal, `Ki`, `KiB` binary, case does not matter; no unit is
/// bytes.
pub fn parse_bytes(text: &str) -> Result<u64, ValueError> {
    let digits = text.find(|c: char| !c.is_numeric() && c != '.' && c != ',').unwrap_or(text.len());
    let number = parse_float(&text[..digits].replace(',', ""))?;
    let unit = text[digits..].trim().to_lowercase();
    let Some(factor) = factor(&unit) else {
        return Err(ValueError(format!("unhandled size name: {unit}")));
    };
    let size = number * factor;
    if size >= u64::MAX as f64 {
        return Err(ValueError(format!("too large: {}", quoted(text))));
    }
    Ok(size as u64)
}

fn factor(unit: &str) -> Option<f64> {
    let power = |base: f64, letter: &str| "kmgtpe".find(letter).map(|at| base.powi(at as i32 + 1));
    match unit {
        "" | "b" => Some(1.0),
        _ if unit.len() == 1 => power(1000.0, unit),
        _ if unit.len() == 2 && unit.ends_with('b') => power(1000.0, &unit[..1]),
        _ if unit.len() == 2 && unit.ends_with('i') => power(1024.0, &unit[..1]),
        _ if unit.len() == 3 && unit.ends_with("ib") => power(1024.0, &unit[..1]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_and_binary_units() {
        assert_eq!(parse_bytes("3KiB"), Ok(3072));
        assert_eq!(parse_bytes("1.2MB"), Ok(1_200_000));
        assert_eq!(parse_bytes("1.5 KiB"), Ok(1536));
        assert_eq!(parse_bytes("2k"), Ok(2000));
        assert_eq!(parse_bytes("1Gi"), Ok(1 << 30));
        assert_eq!(parse_bytes("512"), Ok(512));
        assert!(parse_bytes("huge").is_err());
        assert_eq!(parse_bytes("5x").unwrap_err().0, "unhandled size name: x");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".*") {
            let _ = parse_bytes(&text);
            let _ = crate::value::parse_duration(&text);
            let _ = parse_float(&text);
        }
    }
}

//! Quantities as Kubernetes writes them (apimachinery, `resource.Quantity`): `1.5`, `1500m`, `2k`, `1Gi`. Held as thousandths.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};
use std::fmt;

const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

/// Reads a quantity; what is finer than a thousandth is rounded up, as Kubernetes does.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no quantity such as 100, 1.5, 1500m, 2k or 1Gi");
    let (digits, factor) =
        SUFFIXES.iter().find_map(|(end, factor)| Some((text.strip_suffix(end)?, factor))).ok_or_else(wrong)?;
    if !digits.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Err(wrong());
    }
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    of(number * factor).ok_or_else(wrong)
}

/// Thousandths of a number; `None` when they are too many or it is none.
pub fn of(number: f64) -> Option<i64> {
    // 0.1 + 0.2 is a hair above 0.3: what is next to a thousandth is that one.
    let thousandths = number * 1000.0;
    let near = thousandths.round();
    let exact = if (thousandths - near).abs() <= near.abs() * 1e-12 { near } else { thousandths.ceil() };
    (exact.is_finite() && exact.abs() < 9.2e18).then_some(exact as i64)
}

/// `1500m`, `100`.
pub fn show(thousandths: i64) -> String {
    if thousandths % 1000 == 0 { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}

pub(crate) fn serialize<S: Serializer>(thousandths: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*thousandths))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Reader)
}

struct Reader;

impl Reader {
    fn number<E: Error>(number: f64) -> Result<i64, E> {
        of(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &Reader))
    }
}

impl Visitor<'_> for Reader {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as 100, 1.5, \"1500m\" or \"1Gi\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        Reader::number(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        number.checked_mul(1000).ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            .and_then(|n| self.visit_i64(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written_as_kubernetes_does() {
        let cases = [
            ("100", 100_000, "100"),
            ("1.5", 1500, "1500m"),
            ("1500m", 1500, "1500m"),
            ("2k", 2_000_000, "2000"),
            ("1Ki", 1_024_000, "1024"),
            ("1Gi", 1_073_741_824_000, "1073741824"),
            ("1u", 1, "1m"),
            ("0.1001", 101, "101m"),
            ("0.3", 300, "300m"),
            ("-2", -2000, "-2"),
            ("1e3", 1_000_000, "1000"),
            ("0", 0, "0"),
        ];
        for (text, thousandths, shown) in cases {
            assert_eq!(parse(text), Ok(thousandths), "{text}");
            assert_eq!(show(thousandths), shown, "{text}");
        }
        for text in ["", "m", "1.2.3", "nan", "inf", "1 k", "1ki", "99999999999999999999", "1Kim"] {
            assert!(parse(text).is_err(), "{text:?} is refused");
        }
    }
}

//! Sizes such as `4kB` and `1.5MiB`.

const UNITS: [(&str, u64); 25] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("ti", 1 << 40),
    ("tib", 1 << 40),
    ("p", 1_000_000_000_000_000),
    ("pb", 1_000_000_000_000_000),
    ("pi", 1 << 50),
    ("pib", 1 << 50),
    ("e", 1_000_000_000_000_000_000),
    ("eb", 1_000_000_000_000_000_000),
    ("eib", 1 << 60),
];

/// Reads a size to bytes: a number (commas are ignored), then a unit in any case, decimal (`kB`) or binary (`KiB`).
/// A fraction of a byte is cut off.
pub fn parse_size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.trim().to_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let bytes = number * *factor as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// Two digits and a decimal unit (`4.1kB`) where that is exact, else plain bytes.
pub fn format_size(bytes: u64) -> String {
    const NAMES: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 1u64;
    for (at, name) in NAMES.iter().enumerate() {
        unit *= 1_000;
        let last = at + 1 == NAMES.len() || bytes / unit < 1_000;
        let tenths = unit / 10;
        let exact = if bytes / unit >= 10 { bytes.is_multiple_of(unit) } else { bytes.is_multiple_of(tenths) };
        if bytes >= unit && last && exact && *name != "EB" && *name != "PB" {
            let (whole, tenth) = (bytes / unit, bytes % unit / tenths);
            // The lexer reads `1.0kB` and `1kB` alike; below ten the fraction is always shown.
            return if whole >= 10 { format!("{whole}{name}") } else { format!("{whole}.{tenth}{name}") };
        }
    }
    // `0B` would read as the start of a binary number.
    if bytes == 0 { "0kB".into() } else { format!("{bytes}B") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_decimal_and_binary_units() {
        assert_eq!(parse_size("4kB"), Some(4_000));
        assert_eq!(parse_size("1.5MiB"), Some(1_572_864));
        assert_eq!(parse_size("7"), Some(7));
        assert_eq!(parse_size("7XB"), None);
    }

    #[test]
    fn a_written_size_reads_back_as_it_was() {
        for bytes in [0, 1, 999, 1_000, 1_100, 4_000, 12_000, 2_097_152, 1_100_000, 999_999, 5_000_000_000] {
            assert_eq!(parse_size(&format_size(bytes)), Some(bytes), "{}", format_size(bytes));
        }
    }
}

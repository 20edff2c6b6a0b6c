//! Names and units of OpenTelemetry as Prometheus writes them (opentelemetry.io, "Prometheus and OpenMetrics
//! Compatibility"; UCUM for units).

use super::super::names::legal;
use super::options::NameTranslation;

/// What decides the suffixes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Counter,
    Gauge,
    Other,
}

/// The name of the metric.
pub(super) fn metric_name(name: &str, unit: &str, shape: Shape, translation: NameTranslation) -> String {
    match translation {
        NameTranslation::None => name.to_owned(),
        NameTranslation::UnderscoresWithoutSuffixes => with_underscores(name.chars()),
        NameTranslation::Utf8 => {
            suffixes(unit, shape).iter().fold(name.to_owned(), |name, suffix| append(name, suffix))
        }
        NameTranslation::Underscores => {
            let plain = tokens(name).collect::<Vec<_>>().join("_");
            let full = suffixes(unit, shape).iter().fold(plain, |name, suffix| append(name, suffix));
            if full.starts_with(|c: char| c.is_ascii_digit()) { format!("_{full}") } else { full }
        }
    }
}

/// The name of a label.
pub(super) fn label_name(name: &str, translation: NameTranslation) -> std::borrow::Cow<'_, str> {
    match translation {
        NameTranslation::Underscores | NameTranslation::UnderscoresWithoutSuffixes => legal(name),
        NameTranslation::Utf8 | NameTranslation::None => name.into(),
    }
}

/// The words of a name: several characters that cannot be part of it stand for one underscore.
fn tokens(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').filter(|token| !token.is_empty())
}

fn with_underscores(name: impl Iterator<Item = char>) -> String {
    let mut plain: String = name.map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) {
        plain.insert(0, '_');
    }
    plain
}

/// Appends, unless the name ends so already.
fn append(name: String, suffix: &str) -> String {
    let has = name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '.']));
    if has { name } else { format!("{name}_{suffix}") }
}

fn suffixes(unit: &str, shape: Shape) -> Vec<String> {
    let unit = unit.trim();
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main.trim(), per.trim()),
        None => (unit, ""),
    };
    let mut suffixes = Vec::new();
    if !main.contains(['{', '}']) {
        suffixes.extend(word(main_unit(main)));
    }
    if !per.contains(['{', '}']) {
        suffixes.extend(word(per_unit(per)).map(|word| format!("per_{word}")));
    }
    match shape {
        Shape::Counter => suffixes.push("total".to_owned()),
        Shape::Gauge if unit == "1" => suffixes.push("ratio".to_owned()),
        Shape::Gauge | Shape::Other => {}
    }
    suffixes
}

/// A unit as part of a name; `None` when nothing of it can be.
fn word(unit: &str) -> Option<String> {
    let word = tokens(unit).collect::<Vec<_>>().join("_");
    (!word.is_empty()).then_some(word)
}

fn main_unit(unit: &str) -> &str {
    match unit {
        "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tebibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => other,
    }
}

fn per_unit(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_unit_and_type_once() {
        let cases = [
            ("http.server.duration", "s", Shape::Other, "http_server_duration_seconds"),
            ("http.server.duration_seconds", "s", Shape::Other, "http_server_duration_seconds"),
            ("requests", "1", Shape::Counter, "requests_total"),
            ("requests.total", "", Shape::Counter, "requests_total"),
            ("io", "By", Shape::Counter, "io_bytes_total"),
            ("speed", "m/s", Shape::Gauge, "speed_meters_per_second"),
            ("cpu.utilization", "1", Shape::Gauge, "cpu_utilization_ratio"),
            ("threads", "{thread}", Shape::Gauge, "threads"),
            ("errors", "{error}/s", Shape::Gauge, "errors_per_second"),
            ("a..b__c!", "", Shape::Gauge, "a_b_c"),
            ("5xx", "", Shape::Counter, "_5xx_total"),
            ("load", "%", Shape::Gauge, "load_percent"),
        ];
        for (name, unit, shape, expected) in cases {
            assert_eq!(metric_name(name, unit, shape, NameTranslation::Underscores), expected, "{name} {unit}");
        }
    }

    #[test]
    fn other_translations_leave_more_as_it_is() {
        let translated = |translation| metric_name("http.requests", "s", Shape::Counter, translation);
        assert_eq!(translated(NameTranslation::Utf8), "http.requests_seconds_total");
        assert_eq!(translated(NameTranslation::UnderscoresWithoutSuffixes), "http_requests");
        assert_eq!(translated(NameTranslation::None), "http.requests");
        assert_eq!(label_name("a.b", NameTranslation::Underscores), "a_b");
        assert_eq!(label_name("a.b", NameTranslation::Utf8), "a.b");
    }
}

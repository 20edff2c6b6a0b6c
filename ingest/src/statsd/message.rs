//! [`Message`]: one line, `name:value|type|@rate|#tag:value,...`.

use std::borrow::Cow;

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Milliseconds.
    Timer,
    /// A histogram or distribution of DogStatsD: any unit.
    Histogram,
    /// A text of which the different ones are counted.
    Set,
}

/// A line that can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    pub name: Cow<'a, str>,
    pub kind: Kind,
    /// One or several, as they stand: a gauge that begins with a sign is a change.
    pub values: &'a str,
    /// How many of all events were sent: more than 0, at most 1.
    pub rate: f64,
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the line is not UTF-8")]
    Encoding,
    #[error("the line is not NAME:VALUE|TYPE")]
    Form,
    #[error("the type is none of c, g, ms, h, d, s")]
    Kind,
    #[error("the value is no number")]
    Value,
    #[error("the sample rate is not between 0 and 1")]
    Rate,
    #[error("events and service checks are not metrics")]
    Unsupported,
}

/// Reads one line without its end.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Message<'_>, Invalid> {
    let line = std::str::from_utf8(line).map_err(|_| Invalid::Encoding)?.trim_end_matches(['\r', ' ']);
    if line.starts_with("_e{") || line.starts_with("_sc|") {
        return Err(Invalid::Unsupported);
    }
    let mut parts = line.split('|');
    let (name, values) = parts.next().and_then(|head| head.split_once(':')).ok_or(Invalid::Form)?;
    let kind = match parts.next().ok_or(Invalid::Form)? {
        "c" | "m" => Kind::Counter,
        "g" => Kind::Gauge,
        "ms" => Kind::Timer,
        "h" | "d" => Kind::Histogram,
        "s" => Kind::Set,
        _ => return Err(Invalid::Kind),
    };
    let (name, tags) = tags_of_name(name);
    if name.is_empty() || values.is_empty() {
        return Err(Invalid::Form);
    }
    let mut message = Message { name: name.into(), kind, values, rate: 1.0, tags };
    for part in parts {
        if let Some(rate) = part.strip_prefix('@') {
            let rate: f64 = rate.parse().map_err(|_| Invalid::Rate)?;
            message.rate = if rate > 0.0 && rate <= 1.0 { rate } else { return Err(Invalid::Rate) };
        } else if let Some(tags) = part.strip_prefix('#') {
            message.tags.extend(tags.split(',').filter(|tag| !tag.is_empty()).map(|tag| pair(tag, ':')));
        }
    }
    let is_number = |value: &str| value.parse().is_ok_and(|number: f64| number.is_finite());
    let good = kind == Kind::Set || message.values().all(is_number);
    if good { Ok(message) } else { Err(Invalid::Value) }
}

impl<'a> Message<'a> {
    /// Each of the values.
    pub fn values(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let several = self.kind != Kind::Set;
        let values = self.values;
        values.split(move |c| several && c == ':')
    }
}

/// Name and value.
type Tag<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Tags within the name, as Telegraf and InfluxDB write them: `name,tag=value`.
fn tags_of_name(name: &str) -> (&str, Vec<Tag<'_>>) {
    let mut parts = name.split(',');
    let name = parts.next().unwrap_or_default();
    (name, parts.filter(|tag| !tag.is_empty()).map(|tag| pair(tag, '=')).collect())
}

/// A tag without a value is one that is true.
fn pair(tag: &str, between: char) -> (Cow<'_, str>, Cow<'_, str>) {
    let (name, value) = tag.split_once(between).unwrap_or((tag, "true"));
    (name.into(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(message: &Message<'_>) -> Vec<String> {
        message.tags.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_line_has_a_name_values_a_rate_and_tags() {
        let message =
            parse(b"page.views:1:2.5|c|@0.5|#env:prod,canary,url:http://a|c:container|T1656581400\r").unwrap();
        assert_eq!((&*message.name, message.kind, message.rate), ("page.views", Kind::Counter, 0.5));
        assert_eq!(message.values().collect::<Vec<_>>(), ["1", "2.5"]);
        assert_eq!(pairs(&message), ["env=prod", "canary=true", "url=http://a"]);
        let message = parse(b"load,host=a:-3|g").unwrap();
        assert_eq!((&*message.name, message.kind, message.values), ("load", Kind::Gauge, "-3"));
        assert_eq!(pairs(&message), ["host=a"]);
        let set = parse(b"users:a:b|s").unwrap();
        assert_eq!(set.values().collect::<Vec<_>>(), ["a:b"]);
    }

    #[test]
    fn lines_that_are_none_say_why() {
        let cases: [(&[u8], Invalid); 11] = [
            (b"", Invalid::Form),
            (b"a", Invalid::Form),
            (b"a:1", Invalid::Form),
            (b":1|c", Invalid::Form),
            (b"a:|c", Invalid::Form),
            (b"a:1|x", Invalid::Kind),
            (b"a:one|c", Invalid::Value),
            (b"a:nan|g", Invalid::Value),
            (b"a:1|c|@0", Invalid::Rate),
            (b"a\xff:1|c", Invalid::Encoding),
            (b"_e{5,4}:title|text", Invalid::Unsupported),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line), Err(expected), "{}", String::from_utf8_lossy(line));
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(line in "[a:|@#,=.0-9cgmsé_{-]{0,40}") {
            let _ = parse(line.as_bytes());
        }
    }
}

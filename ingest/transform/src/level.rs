//! How bad a line says it is.

use crate::event::Event;
use gantry_model::Severity;

/// Names under which loggers and receivers keep the level, the most specific first.
const NAMES: [&str; 6] = ["severity_text", "level", "severity", "detected_level", "log_level", "lvl"];
/// Only so much of a body is looked at.
const HEAD: usize = 256;

/// From metadata and labels, else from the words at the start of the body: the value after `level=` or `"level":`, or a
/// level in capitals.
pub(crate) fn level_of(event: &Event<'_>) -> Option<Severity> {
    let named = NAMES.iter().find_map(|name| Severity::from_text(event.field(name)?.trim()));
    let numbered = || Severity::from_number(event.metadata.get("severity_number")?.parse().ok()?);
    named.or_else(numbered).or_else(|| in_text(&event.body))
}

fn in_text(body: &str) -> Option<Severity> {
    let head = &body[..body.floor_char_boundary(HEAD)];
    let mut words = head.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut before = "";
    words.find_map(|word| {
        let named = NAMES.contains(&before);
        before = word;
        let shouted = word.bytes().all(|byte| byte.is_ascii_uppercase());
        if named || shouted { Severity::from_text(word) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_from_the_ways_in_which_loggers_write_them() {
        for (body, level) in [
            ("2024-05-14 10:00:00 ERROR boom", Some(Severity::Error)),
            (r#"{"ts":1,"level":"warn","msg":"x"}"#, Some(Severity::Warn)),
            ("level=info msg=\"no error\"", Some(Severity::Info)),
            ("[main] FATAL out of memory", Some(Severity::Fatal)),
            ("there was an error", None),
            ("", None),
        ] {
            assert_eq!(in_text(body), level, "{body}");
        }
    }
}

//! `| json`, `| json a="x.y"` and `| unpack`.

use super::labels::{Category, Work};
use super::names::{NameId, Names};
use super::stage_error;
use crate::EvalError;
use crate::parse::json::{self, JsonError, Kind, Value};
use crate::parse::json_path::{self, Step};
use crate::parse::sanitize_into;
use gantry_query_lang::ast::Extraction;
use std::borrow::Cow;
use std::ops::ControlFlow;

const ERROR: &str = "JSONParserErr";
/// Objects nested deeper than this are skipped.
const MAX_DEPTH: usize = 64;

/// Every field of the object becomes a label; nested names are joined by `_`. Arrays and nulls are skipped.
pub(crate) fn flatten(work: &mut Work<'_>) {
    if work.required.no_labels {
        return;
    }
    let mut prefix = std::mem::take(&mut work.scratch.buffer);
    prefix.clear();
    let result = work.with_line(|work, line| object(work, line, &mut prefix, 0));
    work.scratch.buffer = prefix;
    if let Err(error) = result {
        work.fail_parser(ERROR, Some(&error.to_string()));
    }
}

type Walk = Result<ControlFlow<()>, JsonError>;

fn object(work: &mut Work<'_>, text: &str, prefix: &mut String, depth: usize) -> Walk {
    json::each_member(text, |key, value| {
        let key = json::unescape(key).unwrap_or(Cow::Borrowed(key));
        match value.kind {
            Kind::Object if depth < MAX_DEPTH => {
                let length = prefix.len();
                if length > 0 {
                    prefix.push('_');
                }
                sanitize_into(&key, prefix);
                let wanted = prefix_wanted(work, prefix);
                let flow = if wanted { object(work, value.raw, prefix, depth + 1)? } else { ControlFlow::Continue(()) };
                prefix.truncate(length);
                Ok(flow)
            }
            Kind::Object | Kind::Array | Kind::Null => Ok(ControlFlow::Continue(())),
            Kind::Text | Kind::Number | Kind::Boolean => Ok(member(work, &key, value, prefix)),
        }
    })
}

fn prefix_wanted(work: &Work<'_>, prefix: &str) -> bool {
    let labels = &work.required.labels;
    labels.is_empty() || labels.iter().any(|id| work.scratch.names.get(*id).text.starts_with(prefix))
}

fn member(work: &mut Work<'_>, key: &str, value: Value<'_>, prefix: &mut String) -> ControlFlow<()> {
    let name = if prefix.is_empty() {
        work.scratch.names.of_key(key)
    } else {
        let length = prefix.len();
        prefix.push('_');
        sanitize_into(key, prefix);
        let name = work.scratch.names.intern(prefix);
        prefix.truncate(length);
        Some(name)
    };
    if let Some(name) = name.and_then(|name| work.target(name)) {
        work.parsed(name, &plain(value));
        if work.is_done() {
            return ControlFlow::Break(());
        }
    }
    ControlFlow::Continue(())
}

/// The text of a value; a string with a wrong escape is empty.
fn plain(value: Value<'_>) -> Cow<'_, str> {
    match value.kind {
        Kind::Text => json::unescape(value.raw).unwrap_or(Cow::Borrowed("")),
        _ => Cow::Borrowed(value.raw),
    }
}

/// `label="path"`, compiled.
#[derive(Clone, Debug)]
pub(crate) struct JsonExtraction {
    name: NameId,
    path: Vec<Step>,
}

impl JsonExtraction {
    pub fn new(extraction: &Extraction, names: &mut Names) -> Result<Self, EvalError> {
        let path = read_path(&extraction.expression)
            .ok_or_else(|| stage_error(format!("cannot parse expression [{}]: syntax error", extraction.expression)))?;
        Ok(JsonExtraction { name: names.intern(&extraction.label), path })
    }
}

/// `a.b[0]["c"]`.
fn read_path(text: &str) -> Option<Vec<Step>> {
    let (mut path, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let inside = inside.trim_start();
            let (step, after) = match inside.strip_prefix('"') {
                Some(quoted) => {
                    let end = quoted.char_indices().find(|(at, c)| *c == '"' && !quoted[..*at].ends_with('\\'))?.0;
                    (Step::Field(json::unescape(&quoted[..end])?.into_owned()), &quoted[end + 1..])
                }
                None => {
                    let end = inside.find(|c: char| !c.is_ascii_digit()).unwrap_or(inside.len());
                    (Step::Index(inside[..end].parse().ok()?), &inside[end..])
                }
            };
            path.push(step);
            rest = after.trim_start().strip_prefix(']')?;
            continue;
        }
        if !path.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        path.push(Step::Field(Some(&rest[..end]).filter(|name| !name.is_empty())?.trim().into()));
        rest = &rest[end..];
    }
    (!path.is_empty()).then_some(path)
}

/// Each extraction becomes a label, empty where the line has nothing at its path.
pub(crate) fn extract(work: &mut Work<'_>, extractions: &[JsonExtraction]) {
    if work.required.no_labels || work.line().is_empty() {
        return;
    }
    if !work.line().starts_with(['{', '[', '"']) {
        work.fail_parser(ERROR, None);
        return;
    }
    work.with_line(|work, line| {
        for extraction in extractions {
            let found = json_path::find(line, &extraction.path).unwrap_or_else(|error| {
                work.fail_parser(ERROR, Some(&error.to_string()));
                None
            });
            match found {
                Some(value) => {
                    let name = work.free_name(extraction.name);
                    let text = match value.kind {
                        Kind::Null => Cow::Borrowed(""),
                        Kind::Array => json::unescape(value.raw).unwrap_or(Cow::Borrowed("")),
                        _ => plain(value),
                    };
                    work.set(Category::Parsed, name, &text);
                }
                None if work.get(extraction.name).is_none() => work.set(Category::Parsed, extraction.name, ""),
                None => {}
            }
        }
    });
}

/// The key of a packed line that holds the line itself.
const ENTRY: &str = "_entry";

/// Reverses Promtail's `pack`: strings become labels and `_entry` the line, if there is one.
pub(crate) fn unpack(work: &mut Work<'_>) {
    if work.line().is_empty() {
        return;
    }
    if !work.line().starts_with('{') {
        work.fail_parser(ERROR, Some("expecting json object(6), but it is not"));
        return;
    }
    let unpacked = work.with_line(|work, line| {
        let (mut entry, mut labels) = (None, Vec::new());
        let walk = json::each_member(line, |key, value| {
            if value.kind == Kind::Text {
                let key = json::unescape(key).unwrap_or(Cow::Borrowed(key));
                if key == ENTRY { entry = Some(plain(value)) } else { labels.push((key, plain(value))) }
            }
            Ok(ControlFlow::Continue(()))
        });
        let _ = walk?;
        if entry.is_some() {
            for (key, value) in labels {
                let name = work.scratch.names.of_key(&key).and_then(|name| work.target(name));
                if let Some(name) = name {
                    work.parsed(name, &value);
                }
            }
        }
        Ok::<_, JsonError>(entry.map(Cow::into_owned))
    });
    match unpacked {
        Ok(Some(entry)) => work.set_line(&entry),
        Ok(None) => {}
        Err(error) => work.fail_parser(ERROR, Some(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let field = |name: &str| Step::Field(name.into());
        assert_eq!(read_path("a.b[0].c"), Some(vec![field("a"), field("b"), Step::Index(0), field("c")]));
        assert_eq!(read_path(r#"["k.z"][1]"#), Some(vec![field("k.z"), Step::Index(1)]));
        assert_eq!(read_path(r#"deep["a"].b["c"]"#), Some(vec![field("deep"), field("a"), field("b"), field("c")]));
        assert_eq!(read_path("a..b"), None);
        assert_eq!(read_path("a["), None);
    }
}

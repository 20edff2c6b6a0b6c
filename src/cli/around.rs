//! `gantry logs --context N`: every line found, with its neighbours in its stream, as `grep -C` prints them.

use super::Failure;
use super::client::Client;
use super::render::Entry;
use gantry_model::Timestamp;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Lines that follow each other in one stream, oldest first; none of them is in an earlier group.
pub type Group = Vec<Entry>;

/// Asks for `lines` neighbours on both sides of each entry. Groups that touch an earlier one of their stream hold what is
/// new only; those that hold nothing new are left out.
pub async fn groups(client: &Client, found: Vec<Entry>, lines: u32) -> Result<Vec<Group>, Failure> {
    let mut seen: HashSet<(i64, String, String)> = HashSet::new();
    let mut groups = Vec::new();
    for entry in found {
        let group: Group = around(client, entry, lines).await?;
        let new: Group = group.into_iter().filter(|entry| seen.insert(key(entry))).collect();
        if !new.is_empty() {
            groups.push(new);
        }
    }
    Ok(groups)
}

fn key(entry: &Entry) -> (i64, String, String) {
    let labels = Value::Object(entry.labels.clone()).to_string();
    (entry.at.nanos(), labels, entry.line.clone())
}

async fn around(client: &Client, entry: Entry, lines: u32) -> Result<Group, Failure> {
    let parameters = [
        ("labels", selector(&entry)),
        ("timestamp", entry.at.nanos().to_string()),
        ("line", entry.line.clone()),
        ("before", lines.to_string()),
        ("after", lines.to_string()),
    ];
    let answer = client.get("/api/v1/logs/context", &parameters).await?;
    let data = &answer["data"];
    let side = |name: &str| data[name].as_array().into_iter().flatten().filter_map(read);
    // A line that its query has rewritten is not found by its text: it is shown as the query made it.
    let line = read(&data["line"]).unwrap_or(entry);
    Ok(side("before").chain([line]).chain(side("after")).collect())
}

/// All labels of an entry that a selector can name.
fn selector(entry: &Entry) -> String {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let pairs = entry.labels.iter().chain(&entry.extra).filter_map(|(name, value)| Some((name, value.as_str()?)));
    let matchers = pairs.filter(|(name, value)| plain(name) && !value.is_empty());
    let texts: Vec<String> = matchers.map(|(name, value)| format!("{name}={}", Value::from(value))).collect();
    format!("{{{}}}", texts.join(", "))
}

/// `{timestamp, line, labels}`.
fn read(line: &Value) -> Option<Entry> {
    let at = Timestamp(line.get("timestamp")?.as_str()?.parse().ok()?);
    let labels = line.get("labels")?.as_object()?.clone();
    Some(Entry { at, labels, extra: Map::new(), line: line.get("line")?.as_str()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_names_what_it_can() {
        let line = json!({"timestamp": "5", "line": "x", "labels": {"app": "a\"b", "k8s.pod": "p", "none": ""}});
        assert_eq!(selector(&read(&line).unwrap()), r#"{app="a\"b"}"#);
    }
}

//! Rule files with more in them than Prometheus knows: such fields are taken out before the file is read.

use serde_yaml_ng::Value;

const FILE: [&str; 1] = ["groups"];
const GROUP: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];
const RULE: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// Keeps the fields of rule files.
pub(super) fn only(file: &mut Value) {
    keep(file, &FILE);
    for group in items(file, "groups") {
        keep(group, &GROUP);
        items(group, "rules").for_each(|rule| keep(rule, &RULE));
    }
}

fn keep(value: &mut Value, known: &[&str]) {
    if let Some(fields) = value.as_mapping_mut() {
        fields.retain(|name, _| name.as_str().is_some_and(|name| known.contains(&name)));
    }
}

fn items<'v>(value: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> + use<'v> {
    value.get_mut(name).and_then(Value::as_sequence_mut).into_iter().flatten()
}

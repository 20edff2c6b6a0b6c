//! What rules do to labels. Written as JSON, which is how configurations read.

use super::*;
use serde_json::json;

fn config(rule: serde_json::Value) -> RelabelConfig {
    serde_json::from_value(rule).unwrap()
}

fn rules(all: serde_json::Value) -> RelabelRules {
    let all: Vec<RelabelConfig> = serde_json::from_value(all).unwrap();
    RelabelRules::new(&all, &|pattern| Ok(pattern.to_owned())).unwrap()
}

const LABELS: [(&str, &str); 4] = [("a", "foo"), ("b", "Bar"), ("c", "baz-7"), ("__meta_port", "80")];

/// The labels as text; nothing when they are dropped.
fn applied(rule: serde_json::Value) -> Option<String> {
    let labels = rules(json!([rule])).apply(&LabelSet::from_pairs(LABELS))?;
    Some(labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
}

#[test]
fn replace_writes_what_the_regex_found() {
    let replaced = |rule: serde_json::Value| applied(rule).unwrap();
    let rule = json!({"source_labels": ["a", "b"], "regex": "f(.*);(.)(.*)", "target_label": "d", "replacement": "$1-${2}x$3"});
    assert_eq!(replaced(rule), "__meta_port=80 a=foo b=Bar c=baz-7 d=oo-Bxar");
    let no_match = json!({"source_labels": ["a"], "regex": "fo", "target_label": "a", "replacement": "x"});
    assert_eq!(replaced(no_match), "__meta_port=80 a=foo b=Bar c=baz-7");
    let removed = json!({"source_labels": ["a"], "target_label": "b", "replacement": ""});
    assert_eq!(replaced(removed), "__meta_port=80 a=foo c=baz-7");
    let constant = json!({"target_label": "e", "replacement": "1"});
    assert_eq!(replaced(constant), "__meta_port=80 a=foo b=Bar c=baz-7 e=1");
    let dynamic =
        json!({"source_labels": ["c"], "regex": "(\\w+)-(\\d)", "target_label": "${1}_x", "replacement": "$2"});
    assert_eq!(replaced(dynamic), "__meta_port=80 a=foo b=Bar baz_x=7 c=baz-7");
    let missing = json!({"source_labels": ["nope"], "regex": "()", "target_label": "f", "replacement": "was empty"});
    assert!(replaced(missing).ends_with("f=was empty"));
}

#[test]
fn keep_and_drop_look_at_the_whole_value() {
    assert!(applied(json!({"source_labels": ["a"], "regex": "foo|x", "action": "keep"})).is_some());
    assert!(applied(json!({"source_labels": ["a"], "regex": "fo", "action": "Keep"})).is_none());
    assert!(
        applied(json!({"source_labels": ["a", "b"], "separator": "", "regex": "fooBar", "action": "DROP"})).is_none()
    );
    assert!(applied(json!({"source_labels": ["nope"], "regex": "", "action": "drop"})).is_none());
    assert!(applied(json!({"source_labels": ["a"], "target_label": "a", "action": "keepequal"})).is_some());
    assert!(applied(json!({"source_labels": ["a"], "target_label": "b", "action": "keepequal"})).is_none());
    assert!(applied(json!({"source_labels": ["a"], "target_label": "a", "action": "dropequal"})).is_none());
}

#[test]
fn names_are_mapped_kept_and_dropped() {
    let mapped = json!({"regex": "__meta_(.+)", "action": "labelmap"});
    assert_eq!(applied(mapped).unwrap(), "__meta_port=80 a=foo b=Bar c=baz-7 port=80");
    assert_eq!(applied(json!({"regex": "[ab]", "action": "labelkeep"})).unwrap(), "a=foo b=Bar");
    assert_eq!(applied(json!({"regex": "__.*|c", "action": "labeldrop"})).unwrap(), "a=foo b=Bar");
}

#[test]
fn values_change_their_case() {
    let case = |action| applied(json!({"source_labels": ["b", "a"], "target_label": "b", "action": action})).unwrap();
    assert_eq!(case("lowercase"), "__meta_port=80 a=foo b=bar;foo c=baz-7");
    assert_eq!(case("uppercase"), "__meta_port=80 a=foo b=BAR;FOO c=baz-7");
}

#[test]
fn a_hash_is_that_of_prometheus() {
    let remainder = |value: &str, modulus: u64| {
        let rule = json!([{"source_labels": ["c"], "target_label": "d", "action": "hashmod", "modulus": modulus}]);
        rules(rule).apply(&LabelSet::from_pairs([("c", value)])).unwrap().get("d").unwrap().to_owned()
    };
    // The MD5 of "baz" is 73feffa4b7f6bb68e44cf984c85f6e88.
    assert_eq!(remainder("baz", 1000), (0xe44c_f984_c85f_6e88_u64 % 1000).to_string());
    assert_eq!(remainder("baz", u64::MAX), 0xe44c_f984_c85f_6e88_u64.to_string());
}

#[test]
fn rules_run_in_order_until_one_drops() {
    let all = rules(json!([
        {"source_labels": ["a"], "target_label": "x"},
        {"source_labels": ["x"], "regex": "foo", "action": "keep"},
        {"regex": "a|b|c|__.*", "action": "labeldrop"},
    ]));
    assert_eq!(all.apply(&LabelSet::from_pairs(LABELS)), Some(LabelSet::from_pairs([("x", "foo")])));
    assert_eq!(all.apply(&LabelSet::from_pairs([("a", "other")])), None);
    assert!(RelabelRules::default().apply(&LabelSet::from_pairs(LABELS)).is_some());
}

#[test]
fn what_cannot_mean_anything_is_refused_in_prometheus_words() {
    let cases = [
        (
            json!({"action": "hashmod", "target_label": "a"}),
            "relabel configuration for hashmod requires non-zero modulus",
        ),
        (json!({}), "relabel configuration for replace action requires 'target_label' value"),
        (
            json!({"action": "lowercase", "target_label": "a", "replacement": "x"}),
            "'replacement' can not be set for lowercase action",
        ),
        (json!({"action": "labelmap", "replacement": ""}), "\"\" is invalid 'replacement' for labelmap action"),
        (
            json!({"action": "keepequal", "target_label": "a", "regex": "x"}),
            "keepequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        (
            json!({"action": "labeldrop", "source_labels": ["a"]}),
            "labeldrop action requires only 'regex', and no other fields",
        ),
        (json!({"action": "keep", "source_labels": [""]}), "\"\" is not a valid label name"),
    ];
    for (rule, error) in cases {
        assert_eq!(config(rule).validate(), Err(InvalidRelabel(error.into())));
    }
    let unknown = serde_json::from_value::<RelabelConfig>(json!({"action": "explode"})).unwrap_err();
    assert_eq!(unknown.to_string(), "unknown relabel action \"explode\"");
    assert!(serde_json::from_value::<RelabelConfig>(json!({"sourcelabels": ["a"]})).is_err());
    let broken = [config(json!({"regex": "(", "action": "labeldrop"}))];
    let refused = RelabelRules::new(&broken, &|_| Err("error parsing regexp: missing closing ): `(`".into()));
    assert_eq!(refused.unwrap_err().to_string(), "error parsing regexp: missing closing ): `(`");
}

#[test]
fn a_configuration_reads_back_as_it_was_written() {
    let rule = config(
        json!({"source_labels": ["a"], "target_label": "b", "separator": "", "action": "HashMod", "modulus": 7}),
    );
    let text = serde_json::to_string(&rule).unwrap();
    assert_eq!(serde_json::from_str::<RelabelConfig>(&text).unwrap(), rule);
    assert!(text.contains("\"action\":\"hashmod\""));
}

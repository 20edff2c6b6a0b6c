//! Jira: what is said to it, in order.

use super::server::told;
use super::*;
use crate::config::Jira;
use crate::receive::Failure;
use crate::receive::jira::{Issue, fields, found, search};

const ALIAS: &str = "b83c594432c03049abbd84423e148650c945963f4234ca179eb5d7f6305c1883";
const CLOSED: &str = r#"{"issues": [{"key": "OPS-1", "fields": {"status": {"name": "x", "statusCategory": {"key": "done"}}}}, {"key": "OPS-2"}]}"#;
const OPEN: &str =
    r#"{"issues": [{"key": "OPS-1", "fields": {"status": {"name": "x", "statusCategory": {"key": "new"}}}}]}"#;
const NOTHING: &str = r#"{"issues": []}"#;
const TRANSITIONS: &str = r#"{"transitions": [{"id": "11", "name": "Close"}, {"id": "12", "name": "Reopen"}]}"#;

fn yaml(more: &str) -> String {
    format!("jira_configs: [{{api_url: 'URL/rest/api/2', project: OPS, issue_type: Bug{more}}}]")
}

fn with_jira<T>(yaml: &str, status: &'static str, then: impl FnOnce(&Jira, &Subject<'_>) -> T) -> T {
    let all = ways(&yaml.replace("URL", "https://j.example")).unwrap();
    let Way::Jira(one) = &all[0] else { panic!() };
    with_subject(status, |subject| then(one, subject))
}

const MOVES: &str = ", reopen_transition: Reopen, resolve_transition: Close, reopen_duration: 1h";

fn paths(heard: &[(String, serde_json::Value)]) -> Vec<&str> {
    heard.iter().map(|(path, _)| path.as_str()).collect()
}

#[tokio::test]
async fn a_group_without_an_issue_gets_one() {
    let (result, heard) = told(&yaml(", labels: [z, '{{ .CommonLabels.job }}'], fields: {customfield_1: {value: '{{ .Status }}'}, customfield_2: '{{ len .Alerts }}'}"), "firing", &[(200, NOTHING), (201, "")]).await;
    assert_eq!(result, Ok(()));
    assert_eq!(paths(&heard), ["POST /rest/api/2/search", "POST /rest/api/2/issue"]);
    let query = format!(
        r#"statusCategory != Done and project="OPS" and labels="ALERT{{{ALIAS}}}" order by status ASC,resolutiondate DESC"#
    );
    assert_eq!(heard[0].1, json!({ "jql": query, "maxResults": 2, "fields": ["status"] }));
    let listed = "\nLabels:\n  - alertname = Disk <full>\n  - job = db\n\nAnnotations:\n  - summary = 95 %\n\nSource: http://g/\n\n";
    let expected = json!({ "fields": {
        "project": { "key": "OPS" },
        "issuetype": { "name": "Bug" },
        "summary": "[FIRING:1] Disk <full> (db)",
        "description": format!("\n\n# Alerts Firing:\n{listed}\n\n\n"),
        "labels": [format!("ALERT{{{ALIAS}}}"), "db".to_owned(), "z".to_owned()],
        "customfield_1": { "value": "firing" },
        "customfield_2": 1,
    }});
    assert_eq!(heard[1].1, expected);
}

#[tokio::test]
async fn an_open_issue_is_brought_up_to_date_and_closed_at_the_end() {
    let (result, heard) = told(&yaml(MOVES), "firing", &[(200, OPEN), (204, "")]).await;
    assert_eq!((result, paths(&heard)), (Ok(()), vec!["POST /rest/api/2/search", "PUT /rest/api/2/issue/OPS-1"]));
    let answers = [(200, OPEN), (204, ""), (200, TRANSITIONS), (204, "")];
    let (result, heard) = told(&yaml(MOVES), "resolved", &answers).await;
    assert_eq!(result, Ok(()));
    let expected = ["GET /rest/api/2/issue/OPS-1/transitions", "POST /rest/api/2/issue/OPS-1/transitions"];
    assert_eq!(paths(&heard)[2..], expected);
    assert_eq!(heard[3].1, json!({ "transition": { "id": "11" } }));
}

#[tokio::test]
async fn a_closed_issue_is_opened_again() {
    let answers = [(200, CLOSED), (204, ""), (200, TRANSITIONS), (204, "")];
    let (result, heard) = told(&yaml(MOVES), "firing", &answers).await;
    assert_eq!((result, &heard[3].1), (Ok(()), &json!({ "transition": { "id": "12" } })));
    let (result, heard) = told(&yaml(MOVES), "resolved", &[(200, CLOSED), (204, "")]).await;
    assert_eq!((result, heard.len()), (Ok(()), 2), "it is closed already");
}

#[tokio::test]
async fn what_is_over_makes_no_issue() {
    let (result, heard) = told(&yaml(MOVES), "resolved", &[(200, NOTHING)]).await;
    assert_eq!((result, heard.len()), (Ok(()), 1));
}

#[tokio::test]
async fn texts_that_people_may_edit_are_left_alone() {
    let more = ", summary: {template: '{{ .Status }}', enable_update: false}, description: {enable_update: false}";
    let (_, heard) = told(&yaml(more), "firing", &[(200, OPEN), (204, "")]).await;
    let fields = heard[1].1["fields"].as_object().unwrap();
    assert!(!fields.contains_key("summary") && !fields.contains_key("description"), "{fields:?}");
    let (_, heard) = told(&yaml(more), "firing", &[(200, NOTHING), (201, "")]).await;
    assert_eq!(heard[1].1["fields"]["summary"], "firing");
}

#[tokio::test]
async fn failures_of_any_step_are_told_and_those_that_may_pass_are_tried_again() {
    for (code, retry) in [(500, true), (429, true), (400, false), (401, false)] {
        for before in [vec![], vec![(200, OPEN)], vec![(200, OPEN), (204, "")]] {
            let answers = [before, vec![(code, "no")]].concat();
            assert_eq!(told(&yaml(MOVES), "resolved", &answers).await.0.unwrap_err().retry, retry, "{answers:?}");
        }
    }
    let answers = [(200, OPEN), (204, ""), (200, r#"{"transitions": []}"#)];
    let missing = told(&yaml(MOVES), "resolved", &answers).await.0.unwrap_err();
    assert_eq!(missing, Failure::lasting("can't find transition Close for issue OPS-1"));
}

#[test]
fn the_search_follows_the_configuration() {
    let jql = |more: &str, status| {
        with_jira(&yaml(more), status, |one, subject| {
            search(one, subject).unwrap().body["jql"].as_str().unwrap().to_owned()
        })
    };
    let reopened = jql(MOVES, "firing");
    assert!(reopened.starts_with("(resolutiondate is EMPTY OR resolutiondate >= -60m) and project="), "{reopened}");
    assert!(jql(MOVES, "resolved").starts_with("statusCategory != Done and project="));
    let not = jql(", wont_fix_resolution: \"Won't \\\"do\\\"\"", "firing");
    let expected = r#"(resolution is EMPTY or resolution != "Won't \"do\"") and statusCategory != Done and "#;
    assert!(not.starts_with(expected), "{not}");
}

#[test]
fn the_cloud_is_searched_by_version_3() {
    for (base, kind, url) in [
        ("https://x.atlassian.net/rest/api/2", "auto", "https://x.atlassian.net/rest/api/3/search/jql"),
        ("https://x.atlassian.net/rest/api/3/", "auto", "https://x.atlassian.net/rest/api/3/search/jql"),
        ("https://own/rest/api/2", "cloud", "https://own/rest/api/3/search/jql"),
        ("https://own/rest/api/2", "auto", "https://own/rest/api/2/search"),
        ("https://x.atlassian.net/rest/api/2", "datacenter", "https://x.atlassian.net/rest/api/2/search"),
    ] {
        let yaml = format!("jira_configs: [{{api_url: '{base}', api_type: {kind}, project: p, issue_type: t}}]");
        assert_eq!(with_jira(&yaml, "firing", |one, subject| search(one, subject).unwrap().url), url);
    }
}

#[test]
fn version_3_takes_a_document_as_description() {
    let of = |text: &str| {
        let yaml =
            format!("jira_configs: [{{api_url: 'URL/rest/api/3', project: p, issue_type: t, description: '{text}'}}]");
        with_jira(&yaml, "firing", |one, subject| fields(one, subject).map(|fields| fields.get("description").cloned()))
    };
    assert_eq!(of(r#"{"type": "doc", "text": "{{ .Status }}"}"#), Ok(Some(json!({ "type": "doc", "text": "firing" }))));
    assert_eq!(of(" "), Ok(None));
    assert_eq!(of("text"), Err("description template: invalid JSON for API v3".to_owned()));
}

#[test]
fn texts_of_an_issue_have_a_length_and_its_priority_follows_the_severest_alert() {
    let yaml = yaml(&format!(", summary: {0}, description: {0}", "ä".repeat(40_000)));
    let fields = |yaml: &str, severity: &'static [&'static str]| {
        let mut data = data("firing");
        data.alerts = vec![data.alerts[0].clone(); severity.len()];
        for (alert, severity) in data.alerts.iter_mut().zip(severity) {
            alert.labels.insert("severity".into(), (*severity).into());
        }
        let templates = Templates::read(&[]).unwrap();
        with_jira(yaml, "firing", |one, _| {
            fields(one, &Subject { data: &data, templates: &templates, now: NOW }).unwrap()
        })
    };
    let long = fields(&yaml, &["none"]);
    let length = |name: &str| long[name].as_str().unwrap().chars().count();
    assert_eq!((length("summary"), length("description")), (255, 32_767));
    assert!(!long.contains_key("priority"));
    assert_eq!(fields(&yaml, &["info", "warning"])["priority"], json!({ "name": "Medium" }));
    assert_eq!(fields(&yaml, &["warning", "critical", "info"])["priority"], json!({ "name": "High" }));
}

#[test]
fn an_issue_whose_status_is_not_told_is_found_all_the_same() {
    assert_eq!(found(&json!({ "issues": [{ "key": "A-1" }] })), Some(Issue { key: "A-1".into(), done: None }));
    assert_eq!(found(&json!({ "issues": [] })), None);
}

#[test]
fn what_it_lacks_is_said_as_alertmanager_says_it() {
    for (one, why) in [
        ("api_url: 'http://j', issue_type: t", "missing project in jira_config"),
        ("api_url: 'http://j', project: p", "missing issue_type in jira_config"),
        ("project: p, issue_type: t", "no global Jira Cloud URL set"),
        ("api_url: 'http://j', project: p, issue_type: t, api_type: x", "unknown api_type on jira_config"),
        ("api_url: 'http://j', project: p, issue_type: t, labels: ['{{']", "labels: template"),
        ("api_url: 'http://j', project: p, issue_type: t, summary: {text: x}", "or has template and enable_update"),
    ] {
        let told = ways(&format!("jira_configs: [{{{one}}}]")).unwrap_err();
        assert!(told.contains(why), "{one}: {told}");
    }
}

//! Issues of Jira. One that bears the name of the group is searched; a new one is made or that one is brought up to
//! date, and then closed or opened again where the configuration names transitions.
//!
//! Facts: developer.atlassian.com "Jira REST API", versions 2 and 3; Alertmanager's documents.

use super::Failure;
use super::chat::cut;
use super::send::{ask, send};
use super::way::{Request, Subject, below, is_url};
use crate::config::Jira;
use gantry_http_client::HttpClient;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

/// Most characters of the texts of an issue.
const SUMMARY: usize = 255;
const DESCRIPTION: usize = 32_767;
const MINUTE: i64 = 60_000_000_000;

pub fn templates(one: &Jira) -> Vec<(&str, &str)> {
    let texts = [("summary", &one.summary.template), ("description", &one.description.template)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
    let own = [("project", one.project.as_str()), ("priority", &one.priority), ("issue_type", &one.issue_type)];
    texts.chain(own).chain(one.labels.iter().map(|label| ("labels", label.as_str()))).collect()
}

pub fn problems(one: &Jira, need: &mut impl FnMut(bool, &str)) {
    need(!one.project.is_empty(), "missing project in jira_config");
    need(!one.issue_type.is_empty(), "missing issue_type in jira_config");
    need(
        ["auto", "cloud", "datacenter"].contains(&one.api_type.as_str()),
        "unknown api_type on jira_config, must be auto, cloud or datacenter",
    );
    need(!one.api_url.is_empty(), "no global Jira Cloud URL set");
    need(one.api_url.is_empty() || is_url(&one.api_url), "the api_url must begin with http:// or https://");
}

/// An issue that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub key: String,
    /// `None`: it was not said.
    pub done: Option<bool>,
}

pub async fn tell(one: &Jira, client: &HttpClient, subject: &Subject<'_>) -> Result<(), Failure> {
    let found = found(&ask(client, &search(one, subject).map_err(Failure::lasting)?).await?);
    if found.is_none() && !subject.data.is_firing() {
        return Ok(());
    }
    send(client, &write(one, subject, found.as_ref()).map_err(Failure::lasting)?).await?;
    let Some((issue, name)) = found.as_ref().and_then(|issue| Some((issue, wanted(one, subject, issue)?))) else {
        return Ok(());
    };
    let path = transitions(one, issue).map_err(Failure::lasting)?;
    let all = ask(client, &in_english(Request::get(path.clone()))).await?;
    let missing = || Failure::lasting(format!("can't find transition {name} for issue {}", issue.key));
    let id = transition(&all, name).ok_or_else(missing)?;
    send(client, &in_english(Request::post(path, json!({ "transition": { "id": id } })))).await
}

/// Names of transitions depend on the language.
fn in_english(mut request: Request) -> Request {
    request.headers.push(("accept-language", "en".to_owned()));
    request
}

/// Bears the name of the group.
fn label(subject: &Subject<'_>) -> String {
    format!("ALERT{{{}}}", subject.alias())
}

/// Searches for the issue of the group.
pub fn search(one: &Jira, subject: &Subject<'_>) -> Result<Request, String> {
    let quoted = |text: String| Value::String(text).to_string();
    let mut query = String::new();
    if !one.wont_fix_resolution.is_empty() {
        // What has no resolution differs from none, to Jira.
        let not = quoted(one.wont_fix_resolution.clone());
        query.push_str(&format!("(resolution is EMPTY or resolution != {not}) and "));
    }
    let minutes = one.reopen_duration.unwrap_or_default() / MINUTE;
    if subject.data.is_firing() && !one.reopen_transition.is_empty() && minutes > 0 {
        query.push_str(&format!("(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and "));
    } else {
        query.push_str("statusCategory != Done and ");
    }
    let (project, label) = (quoted(subject.text(&one.project)?), quoted(label(subject)));
    query.push_str(&format!("project={project} and labels={label} order by status ASC,resolutiondate DESC"));
    let body = json!({ "jql": query, "maxResults": 2, "fields": ["status"] });
    Ok(in_english(Request::post(search_url(one)?, body)))
}

/// In the cloud only version 3 searches.
fn search_url(one: &Jira) -> Result<String, String> {
    let host = Url::parse(&one.api_url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
    let in_cloud = match one.api_type.as_str() {
        "auto" => host.is_some_and(|host| host.ends_with("atlassian.net")),
        kind => kind == "cloud",
    };
    match in_cloud {
        true => Ok(below(&one.api_url, "search/jql")?.replacen("/rest/api/2/", "/rest/api/3/", 1)),
        false => below(&one.api_url, "search"),
    }
}

/// The first one; they are in order.
pub fn found(answer: &Value) -> Option<Issue> {
    let issue = answer["issues"].get(0)?;
    let category = issue["fields"]["status"]["statusCategory"]["key"].as_str();
    Some(Issue { key: issue["key"].as_str()?.to_owned(), done: category.map(|key| key == "done") })
}

/// Makes an issue, or brings one up to date.
pub fn write(one: &Jira, subject: &Subject<'_>, found: Option<&Issue>) -> Result<Request, String> {
    let mut fields = fields(one, subject)?;
    let path = match found {
        None => "issue".to_owned(),
        Some(issue) => format!("issue/{}", issue.key),
    };
    let mut request = in_english(Request::post(below(&one.api_url, &path)?, Value::Null));
    if found.is_some() {
        request.method = Method::PUT;
        for (name, kept) in [("summary", !one.summary.enable_update), ("description", !one.description.enable_update)] {
            if kept && !one.fields.contains_key(name) {
                fields.remove(name);
            }
        }
    }
    request.body = json!({ "fields": fields });
    Ok(request)
}

pub fn fields(one: &Jira, subject: &Subject<'_>) -> Result<Map<String, Value>, String> {
    let mut labels = one.labels.iter().map(|label| subject.text(label)).collect::<Result<Vec<_>, _>>()?;
    labels.push(label(subject));
    labels.sort();
    let mut fields = Map::from_iter([
        ("project".to_owned(), json!({ "key": subject.text(&one.project)? })),
        ("issuetype".to_owned(), json!({ "name": subject.text(&one.issue_type)? })),
        ("summary".to_owned(), json!(cut(subject.text(&one.summary())?, SUMMARY))),
        ("labels".to_owned(), json!(labels)),
    ]);
    let description = description(one, cut(subject.text(&one.description())?, DESCRIPTION))?;
    let priority = Some(subject.text(&one.priority)?).filter(|name| !name.is_empty());
    let priority = priority.map(|name| json!({ "name": name }));
    for (name, value) in [("description", description), ("priority", priority)] {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    for (name, value) in &one.fields {
        fields.insert(name.clone(), filled(value, subject)?);
    }
    Ok(fields)
}

/// Version 3 wants a document in place of a text.
fn description(one: &Jira, text: String) -> Result<Option<Value>, String> {
    let document = one.api_url.trim_end_matches('/').ends_with("/3");
    match if document { text.trim() } else { &text } {
        "" => Ok(None),
        json if document => {
            serde_json::from_str(json).map(Some).map_err(|_| "description template: invalid JSON for API v3".to_owned())
        }
        text => Ok(Some(json!(text))),
    }
}

/// All texts are templates; one that makes a number, a list or the like in YAML stands for that.
fn filled(value: &Value, subject: &Subject<'_>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => {
            let text = subject.text(text)?;
            match serde_yaml_ng::from_str::<Value>(&text) {
                Ok(other) if !other.is_string() => other,
                _ => Value::String(text),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled(item, subject)).collect::<Result<_, _>>()?,
        Value::Object(map) => {
            let pair =
                |(name, value): (&String, &Value)| Ok::<_, String>((subject.text(name)?, filled(value, subject)?));
            Value::Object(map.iter().map(pair).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// The transition that the issue needs, if there is one.
pub fn wanted<'a>(one: &'a Jira, subject: &Subject<'_>, issue: &Issue) -> Option<&'a str> {
    let (when, name) = match subject.data.is_firing() {
        true => (true, &one.reopen_transition),
        false => (false, &one.resolve_transition),
    };
    (issue.done == Some(when) && !name.is_empty()).then_some(name)
}

/// Where transitions of an issue are listed and made.
pub fn transitions(one: &Jira, issue: &Issue) -> Result<String, String> {
    below(&one.api_url, &format!("issue/{}/transitions", issue.key))
}

/// The id of the one with this name.
pub fn transition<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let all = answer["transitions"].as_array()?;
    all.iter().find(|one| one["name"] == name).and_then(|one| one["id"].as_str())
}

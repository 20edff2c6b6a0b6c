//! What a notification is to templates.

use super::words;
use crate::data::{Data, DataAlert};
use gantry_model::Timestamp;
use gantry_template::{Time, Value};

fn fields<const N: usize>(all: [(&str, Value); N]) -> Value {
    Value::Map(all.map(|(name, value)| (name.to_owned(), value)).into())
}

/// The root. What begins with an underscore is there for the default templates.
pub fn of(data: &Data) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    fields([
        ("Receiver", text(&data.receiver)),
        ("Status", text(data.status)),
        ("Alerts", Value::List(data.alerts.iter().map(alert).collect())),
        ("GroupLabels", Value::Texts(data.group_labels.clone())),
        ("CommonLabels", Value::Texts(data.common_labels.clone())),
        ("CommonAnnotations", Value::Texts(data.common_annotations.clone())),
        ("ExternalURL", text(&data.external_url)),
        ("_subject", Value::Text(words::subject(data))),
        ("_link", Value::Text(words::link(data))),
        ("_annotations", Value::Text(words::values(&data.common_annotations))),
        ("_priority", text(words::priority(data))),
        ("_listing", Value::Text(words::listing(data))),
        ("_spaced", Value::Text(words::spaced(data, "", "", words::alert))),
        ("_paragraphs", Value::Text(words::spaced(data, "# ", "\n", words::alert_in_markdown))),
    ])
}

fn alert(alert: &DataAlert) -> Value {
    let time = |at: Option<Timestamp>| Value::Time(at.map_or_else(Time::zero, |at| Time::utc(at.nanos())));
    fields([
        ("Status", Value::Text(alert.status.to_owned())),
        ("Labels", Value::Texts(alert.labels.clone())),
        ("Annotations", Value::Texts(alert.annotations.clone())),
        ("StartsAt", time(alert.starts_at)),
        ("EndsAt", time(alert.ends_at)),
        ("GeneratorURL", Value::Text(alert.generator_url.clone())),
        ("Fingerprint", Value::Text(alert.fingerprint.clone())),
        ("_text", Value::Text(words::alert(alert))),
        ("_markdown", Value::Text(words::alert_in_markdown(alert))),
    ])
}

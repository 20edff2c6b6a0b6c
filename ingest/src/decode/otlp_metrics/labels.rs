//! Labels of series: those of their resource, and attributes of points.

use super::super::otlp::{hex, text};
use super::names::label_name;
use super::options::OtlpMetricOptions;
use gantry_model::metric::METRIC_NAME;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Exemplar;
use std::borrow::Cow;

pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Attributes that name the target itself.
const IDENTITY: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// What a resource adds to its series.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// `job`, `instance`, and what the options name.
    labels: Pairs<'a>,
    /// Everything else that it says.
    info: Pairs<'a>,
}

impl<'a> Target<'a> {
    pub fn new(attributes: &'a [KeyValue], options: &OtlpMetricOptions) -> Self {
        let get = |key: &str| {
            let found = attributes.iter().find(|a| a.key == key).and_then(|a| a.value.as_ref());
            found.map(text).filter(|text| !text.is_empty())
        };
        let mut labels = Pairs::new();
        if let Some(name) = get("service.name") {
            let job = get("service.namespace").map(|namespace| Cow::Owned(format!("{namespace}/{name}")));
            labels.push((Cow::Borrowed("job"), job.unwrap_or(name)));
        }
        labels.extend(get("service.instance.id").map(|id| (Cow::Borrowed("instance"), id)));
        let mut info = Pairs::new();
        for attribute in attributes.iter().filter(|a| !IDENTITY.contains(&a.key.as_str())) {
            add(attribute, options, &mut info);
        }
        for attribute in attributes.iter().filter(|a| options.resource_labels.contains(&a.key)) {
            add(attribute, options, &mut labels);
        }
        Target { labels, info }
    }

    /// Labels of a series of the metric. Attributes of the point give way to those of the target.
    pub fn labels<'p>(
        &'p self,
        name: &'p str,
        suffix: &str,
        attributes: &'p [KeyValue],
        more: Option<(&'static str, String)>,
        options: &OtlpMetricOptions,
    ) -> Pairs<'p> {
        let name = if suffix.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{name}{suffix}")) };
        let mut own = Pairs::with_capacity(attributes.len() + self.labels.len() + 2);
        own.push((Cow::Borrowed(METRIC_NAME), name));
        attributes.iter().for_each(|attribute| add(attribute, options, &mut own));
        let given = self.labels.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)));
        for (name, value) in given.chain(more.map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value)))) {
            own.retain(|(other, _)| *other != name);
            own.push((name, value));
        }
        own
    }

    /// Labels of `target_info`; `None` when there is nothing to say or nobody to say it of.
    pub fn info(&self) -> Option<Pairs<'_>> {
        let named = self.labels.iter().any(|(name, _)| name == "job" || name == "instance");
        if self.info.is_empty() || !named {
            return None;
        }
        let mut labels: Pairs<'_> = vec![(Cow::Borrowed(METRIC_NAME), Cow::Borrowed("target_info"))];
        let all = self.labels.iter().chain(&self.info);
        for (name, value) in all {
            if labels.iter().all(|(other, _)| other != name) {
                labels.push((Cow::Borrowed(&**name), Cow::Borrowed(&**value)));
            }
        }
        Some(labels)
    }
}

/// Adds the attribute. When two have the same name in Prometheus' alphabet, their values are joined by `;`.
fn add<'a>(attribute: &'a KeyValue, options: &OtlpMetricOptions, labels: &mut Pairs<'a>) {
    let name = label_name(&attribute.key, options.names);
    let value = attribute.value.as_ref().map(text).unwrap_or_default();
    if name.is_empty() || name == METRIC_NAME {
        return;
    }
    match labels.iter_mut().find(|(other, _)| *other == name) {
        Some((_, joined)) => *joined = Cow::Owned(format!("{joined};{value}")),
        None => labels.push((name, value)),
    }
}

/// What says which trace the example is of, and what was left out of the point's attributes.
pub(super) fn of_exemplar<'a>(exemplar: &'a Exemplar, options: &OtlpMetricOptions) -> Pairs<'a> {
    let Exemplar { filtered_attributes, span_id, trace_id, .. } = exemplar;
    let mut labels = Pairs::new();
    filtered_attributes.iter().for_each(|attribute| add(attribute, options, &mut labels));
    for (name, id) in [("trace_id", trace_id), ("span_id", span_id)] {
        if !id.is_empty() {
            labels.retain(|(other, _)| other != name);
            labels.push((Cow::Borrowed(name), Cow::Owned(hex(id))));
        }
    }
    labels
}

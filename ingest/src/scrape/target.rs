//! [`Target`]: where to scrape, and the labels of what is found there.

use super::config::{Rules, ScrapeConfig};
use super::pools::Discovered;
use gantry_model::LabelSet;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub url: String,
    /// `job`, `instance`, and whatever discovery and relabelling made of it.
    pub labels: LabelSet,
    /// Time between two scrapes: the job's, unless relabelling set `__scrape_interval__`.
    pub interval: Duration,
    /// How long a scrape may take: the job's, unless relabelling set `__scrape_timeout__`.
    pub timeout: Duration,
}

impl Target {
    /// The labels of what discovery found, as relabelling sees them.
    pub(super) fn discovered(config: &ScrapeConfig, address: &str, found: &BTreeMap<String, String>) -> Discovered {
        let mut labels = found.clone();
        labels.insert("__address__".to_owned(), address.to_owned());
        let defaults = [
            ("job", config.job_name.clone()),
            ("__scheme__", config.scheme.clone()),
            ("__metrics_path__", config.metrics_path.clone()),
            (INTERVAL, written(config.interval())),
            (TIMEOUT, written(config.timeout())),
        ];
        for (name, value) in defaults {
            labels.entry(name.to_owned()).or_insert(value);
        }
        for (name, values) in config.params.iter().filter(|(_, values)| !values.is_empty()) {
            labels.entry(format!("__param_{name}")).or_insert_with(|| values[0].clone());
        }
        labels
    }

    /// Makes a target of these labels; `None` when relabelling drops it.
    ///
    /// # Errors
    /// Why it cannot be scraped.
    pub(super) fn new(config: &ScrapeConfig, rules: &Rules, discovered: &Discovered) -> Result<Option<Self>, String> {
        let mut labels = discovered.clone();
        if !rules.targets.apply_to(&mut labels) {
            return Ok(None);
        }
        let get = |name: &str| labels.get(name).map_or("", String::as_str);
        let address = get("__address__").to_owned();
        if address.is_empty() || address.contains('/') {
            return Err(format!("{address:?} is no address HOST:PORT"));
        }
        let url = url(get("__scheme__"), &address, get("__metrics_path__"), &parameters(config, &labels));
        let (interval, timeout) = (duration(&labels, INTERVAL)?, duration(&labels, TIMEOUT)?);
        if timeout > interval {
            return Err(format!("{TIMEOUT} {} is more than {INTERVAL} {}", written(timeout), written(interval)));
        }
        labels.entry("instance".to_owned()).or_insert(address);
        labels.retain(|name, _| !name.starts_with("__"));
        Ok(Some(Target { url, labels: LabelSet::from_pairs(labels), interval, timeout }))
    }
}

/// As Prometheus writes it: without blanks.
fn written(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

/// What relabelling made of a duration, which has to be more than 0.
fn duration(labels: &BTreeMap<String, String>, name: &str) -> Result<Duration, String> {
    let text = labels.get(name).map_or("", String::as_str);
    let parsed = humantime::parse_duration(text).map_err(|error| format!("{name} {text:?} is no duration: {error}"))?;
    if parsed.is_zero() { Err(format!("{name} cannot be 0")) } else { Ok(parsed) }
}

/// Those of the configuration, of which the first of each may have been relabelled.
fn parameters(config: &ScrapeConfig, labels: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (label, value) in labels {
        if let Some(name) = label.strip_prefix("__param_") {
            parameters.push((name.to_owned(), value.clone()));
            let more = config.params.get(name).into_iter().flatten().skip(1);
            parameters.extend(more.map(|value| (name.to_owned(), value.clone())));
        }
    }
    parameters
}

fn url(scheme: &str, address: &str, path: &str, parameters: &[(String, String)]) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut url = format!("{scheme}://{address}{slash}{path}");
    for (at, (name, value)) in parameters.iter().enumerate() {
        url.push(if at == 0 && !path.contains('?') { '?' } else { '&' });
        escape(name, &mut url);
        url.push('=');
        escape(value, &mut url);
    }
    url
}

/// RFC 3986, section 2.
fn escape(text: &str, url: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => write!(url, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ScrapeFile;
    use super::*;

    fn target(job: &str, address: &str, found: &[(&str, &str)]) -> Result<Option<Target>, String> {
        let file = ScrapeFile::parse(&format!("scrape_configs: [{{job_name: j, {job}}}]")).unwrap();
        let config = &file.scrape_configs[0];
        let found = found.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Target::new(config, &config.rules().unwrap(), &Target::discovered(config, address, &found))
    }

    #[test]
    fn an_address_becomes_a_url_and_labels() {
        let found = target("params: {module: [a b, c]}, metrics_path: probe", "h:1", &[("env", "x")]).unwrap().unwrap();
        assert_eq!(found.url, "http://h:1/probe?module=a%20b&module=c");
        assert_eq!(found.labels.to_string(), r#"{env="x", instance="h:1", job="j"}"#);
    }

    #[test]
    fn relabelling_changes_where_to_scrape_and_what_is_told() {
        let rules = "relabel_configs: [{source_labels: [__address__], target_label: __param_target}, \
                     {target_label: __address__, replacement: 'probe:9115'}, \
                     {source_labels: [__param_target], target_label: instance}]";
        let found = target(rules, "site", &[]).unwrap().unwrap();
        assert_eq!(found.url, "http://probe:9115/metrics?target=site");
        assert_eq!(found.labels.to_string(), r#"{instance="site", job="j"}"#);
        let drop = "relabel_configs: [{action: drop, source_labels: [env], regex: test}]";
        assert_eq!(target(drop, "h:1", &[("env", "test")]), Ok(None));
        assert!(target("", "http://h:1/metrics", &[]).unwrap_err().contains("no address"));
    }

    #[test]
    fn labels_say_how_often_a_target_is_scraped_and_how_long_that_may_take() {
        let times = |job: &str, found: &[(&str, &str)]| {
            target(job, "h:1", found).map(|found| found.map(|found| (found.interval, found.timeout)))
        };
        let seconds = Duration::from_secs;
        let job = "scrape_interval: 90s, scrape_timeout: 5s";
        assert_eq!(times(job, &[]), Ok(Some((seconds(90), seconds(5)))));
        let own = [("__scrape_interval__", "1m30s"), ("__scrape_timeout__", "20s")];
        assert_eq!(times(job, &own), Ok(Some((seconds(90), seconds(20)))));
        let rules = "relabel_configs: [{source_labels: [every], target_label: __scrape_interval__}]";
        assert_eq!(times(rules, &[("every", "5m")]), Ok(Some((seconds(300), seconds(10)))));
        for (every, fault) in [("soon", "no duration"), ("0s", "cannot be 0"), ("1s", "more than"), ("", "no duration")]
        {
            let refused = times(job, &[("__scrape_interval__", every)]).unwrap_err();
            assert!(refused.contains(fault), "{every:?}: {refused}");
        }
    }
}

//! What the metadata of a trigger asks for: a policy, or a query with a threshold.

use super::messages::ScaledObjectRef;
use gantry_model::TenantId;
use gantry_platform_model::Query;
use std::collections::HashMap;
use std::time::Duration;

const KNOWN: [&str; 9] = [
    "policy",
    "query",
    "queryType",
    "threshold",
    "activationThreshold",
    "metricName",
    "maxAgeSeconds",
    "pollSeconds",
    "tenant",
];
/// Keys that KEDA itself puts in or reads.
const OF_KEDA: [&str; 5] = ["scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsCertFile"];

/// A trigger that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub tenant: Option<TenantId>,
    pub source: Source,
    /// The name of its metric.
    pub metric: String,
}

/// Where the number comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// What a policy decides.
    Policy(String),
    Query {
        query: Query,
        /// Each replica.
        threshold: f64,
        /// Above it there is something to do.
        activation: f64,
        max_age: Duration,
        /// How often a push scaler is looked at.
        poll: Duration,
    },
}

impl Trigger {
    /// # Errors
    /// What is wrong with the metadata.
    pub fn read(object: &ScaledObjectRef) -> Result<Trigger, String> {
        let given = &object.scaler_metadata;
        if let Some(unknown) =
            given.keys().find(|key| !KNOWN.contains(&key.as_str()) && !OF_KEDA.contains(&key.as_str()))
        {
            return Err(format!("unknown metadata {unknown:?}; known are {}", KNOWN.join(", ")));
        }
        let tenant =
            given.get("tenant").map(|name| TenantId::new(name).map_err(|error| error.to_string())).transpose()?;
        let (source, name) = match (given.get("policy"), given.get("query")) {
            (Some(policy), None) => (Source::Policy(policy.clone()), format!("gantry-{policy}")),
            (None, Some(query)) => (query_of(given, query)?, "gantry-query".to_owned()),
            _ => return Err("metadata needs either policy or query".to_owned()),
        };
        Ok(Trigger { tenant, source, metric: given.get("metricName").cloned().unwrap_or(name) })
    }
}

fn query_of(given: &HashMap<String, String>, text: &str) -> Result<Source, String> {
    let text = text.to_owned();
    let query = match given.get("queryType").map_or("promql", String::as_str) {
        "promql" => Query::Promql(text),
        "logql" => Query::Logql(text),
        "sql" => Query::Sql(text),
        other => return Err(format!("queryType is promql, logql or sql, not {other:?}")),
    };
    let number = |key: &str| {
        let read = |value: &String| value.parse::<f64>().ok().filter(|value| value.is_finite());
        given.get(key).map(|value| read(value).ok_or_else(|| format!("{key}: {value:?} is no number"))).transpose()
    };
    let seconds = |key: &str, unset: f64| {
        let value = number(key)?.unwrap_or(unset);
        let fits = (1.0..=86_400.0).contains(&value);
        fits.then(|| Duration::from_secs_f64(value)).ok_or_else(|| format!("{key} must be between 1 and 86400"))
    };
    let threshold = number("threshold")?.ok_or("metadata needs a threshold: what one replica can do")?;
    if threshold <= 0.0 {
        return Err("threshold must be above 0".to_owned());
    }
    Ok(Source::Query {
        query,
        threshold,
        activation: number("activationThreshold")?.unwrap_or(0.0),
        max_age: seconds("maxAgeSeconds", 60.0)?,
        poll: seconds("pollSeconds", 5.0)?,
    })
}

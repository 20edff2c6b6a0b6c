//! [`TransformOptions`]: one `[[transform]]` of the configuration.

use gantry_model::{Severity, TenantId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which lines, and exactly one of `vrl`, `vrl_file`, `redact`, `sample`, `rate_limit`, `route` and `drop`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformOptions {
    /// Names it in metrics, errors and dry runs. Default: its kind and its place, such as `vrl-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only lines of these receivers and collectors: `loki`, `otlp_http`, ...; `otlp` stands for all that begin with
    /// `otlp_`. Empty: of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Only lines of these tenants. Empty: of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantId>,
    /// Only lines of these streams, as LogQL selects them: `{app="x"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Only lines in which this regular expression is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What becomes of a line when the transform fails on it. Default keep.
    #[serde(skip_serializing_if = "OnError::is_keep")]
    pub on_error: OnError,
    /// A program in the Vector Remap Language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrl: Option<String>,
    /// A file with such a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrl_file: Option<PathBuf>,
    /// Most expressions that a program may evaluate for one line. Default 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redact: Option<RedactOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<DropOptions>,
}

/// What becomes of a line on which a transform fails: it is counted as an error and ...
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// ... goes on as it was before.
    #[default]
    Keep,
    /// ... is dropped.
    Drop,
    /// ... goes on as it was before, for this tenant.
    Tenant(TenantId),
}

impl OnError {
    fn is_keep(&self) -> bool {
        *self == OnError::Keep
    }
}

impl Serialize for OnError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            OnError::Keep => serializer.serialize_str("keep"),
            OnError::Drop => serializer.serialize_str("drop"),
            OnError::Tenant(tenant) => serializer.collect_str(&format_args!("tenant:{tenant}")),
        }
    }
}

impl<'de> Deserialize<'de> for OnError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (&*text, text.strip_prefix("tenant:")) {
            ("keep", _) => Ok(OnError::Keep),
            ("drop", _) => Ok(OnError::Drop),
            (_, Some(name)) => TenantId::new(name).map(OnError::Tenant).map_err(D::Error::custom),
            _ => Err(D::Error::custom(format!("{text:?} is none of \"keep\", \"drop\" and \"tenant:NAME\""))),
        }
    }
}

/// What must not be stored, and what stands there instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactOptions {
    /// Names of built-in patterns: `email`, `ipv4`, `ipv6`, `credit_card`, `bearer_token`, `api_token`, `aws_key`, `jwt`,
    /// `private_key`.
    pub patterns: Vec<String>,
    /// More patterns by name. Of a pattern with a group named `secret` only that group is replaced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
    /// What stands instead; `{name}` is the name of the pattern. Default `[{name}]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// Instead, write `[name:HASH]`: 64 bits of HMAC-SHA-256 under this key. Equal secrets have equal hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key: Option<String>,
    /// Where to look. Default message and metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<RedactField>>,
}

/// Parts of a line that can be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedactField {
    Message,
    /// Values of structured metadata.
    Metadata,
    /// Values of labels. The line moves to another stream.
    Labels,
}

/// Which share of the lines is kept. The choice is made by hash, so that it is the same for a line that is sent again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleOptions {
    /// The share, from 0 to 1.
    pub keep: f64,
    /// What is kept or dropped together. Default line.
    pub by: By,
    /// Lines of this level and worse ones are kept in any case.
    #[serde(skip_serializing_if = "Option::is_none", with = "level")]
    pub keep_level: Option<Severity>,
}

/// What lines have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum By {
    /// Nothing: each is for itself.
    #[default]
    Line,
    /// The stream.
    Stream,
    /// The tenant.
    Tenant,
    /// The value of this structured metadata or label, such as `trace_id`; lines without it are each for itself.
    Key(String),
}

impl From<String> for By {
    fn from(name: String) -> Self {
        match &*name {
            "line" => By::Line,
            "stream" => By::Stream,
            "tenant" => By::Tenant,
            _ => By::Key(name),
        }
    }
}

impl From<By> for String {
    fn from(by: By) -> Self {
        match by {
            By::Line => "line".to_owned(),
            By::Stream => "stream".to_owned(),
            By::Tenant => "tenant".to_owned(),
            By::Key(name) => name,
        }
    }
}

/// Most lines and bytes a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_per_second: Option<f64>,
    /// Of body and metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<f64>,
    /// As many seconds' worth may come at once. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_seconds: Option<f64>,
    /// What shares a limit. Default stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// What becomes of what is over.
    pub over: Over,
}

/// What becomes of lines over a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// They are dropped and counted.
    #[default]
    Drop,
    /// The whole request is refused, and its sender is told to come again.
    Refuse,
}

/// Whose lines they become: exactly one of `tenant`, `label` and `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteOptions {
    /// This tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Those of the tenant that this label names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Those of the tenant that this structured metadata names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Tenants by value of the label or metadata. Empty: the value is the name. Lines with a value that is not here stay.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, TenantId>,
}

/// `drop = true`: every line that the transform is for. `drop = "name"` gives the reason under which it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DropOptions {
    Always(bool),
    Because(String),
}

mod level {
    use super::*;

    pub fn serialize<S: Serializer>(level: &Option<Severity>, serializer: S) -> Result<S::Ok, S::Error> {
        level.map(Severity::as_str).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Severity>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let level = Severity::from_text(&text);
        level.map(Some).ok_or_else(|| D::Error::custom(format!("{text:?} is no level; levels are trace to fatal")))
    }
}

//! Amazon SNS as a receiver.

use super::is_default;
use super::kinds::{Text, template};
use super::receivers::HttpConfig;
use gantry_http_client::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tells a topic, a phone or an endpoint of Amazon SNS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sns {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    /// Empty: that of the region.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: Text,
    pub sigv4: SigV4,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic_arn: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone_number: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_arn: Text,
    pub subject: Text,
    pub message: Text,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Text, Text>,
    /// Taken without effect: there is one client here, which knows `tls_config` and proxies.
    #[serde(skip_serializing_if = "is_default")]
    pub use_aws_http_client: bool,
}

impl Default for Sns {
    fn default() -> Self {
        Sns {
            send_resolved: true,
            http_config: None,
            api_url: String::new(),
            sigv4: SigV4::default(),
            topic_arn: String::new(),
            phone_number: String::new(),
            target_arn: String::new(),
            subject: template("sns.default.subject"),
            message: template("sns.default.message"),
            attributes: BTreeMap::new(),
            use_aws_http_client: false,
        }
    }
}

/// Who signs requests. What is empty comes from the usual `AWS_` environment variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigV4 {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_key: String,
    #[serde(skip_serializing_if = "is_default")]
    pub secret_key: Secret,
    // What follows is not supported, and refused in other words than a mistyped name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub use_fips_sts_endpoint: bool,
}

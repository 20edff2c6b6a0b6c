//! What a user writes.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a server is spoken to. Names are Prometheus'; at most one kind of credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientConfig {
    pub basic_auth: Option<BasicAuth>,
    pub authorization: Option<Credentials>,
    pub bearer_token: Option<Secret>,
    pub bearer_token_file: Option<PathBuf>,
    pub tls_config: TlsConfig,
    pub follow_redirects: bool,
    /// Server through which the others are reached; none unless it is given.
    pub proxy_url: Option<String>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            basic_auth: None,
            authorization: None,
            bearer_token: None,
            bearer_token_file: None,
            tls_config: TlsConfig::default(),
            follow_redirects: true,
            proxy_url: None,
        }
    }
}

impl ClientConfig {
    /// # Errors
    /// What contradicts itself.
    pub fn check(&self) -> Result<(), String> {
        let ways = [
            self.basic_auth.is_some(),
            self.authorization.is_some(),
            self.bearer_token.is_some() || self.bearer_token_file.is_some(),
        ];
        if ways.iter().filter(|way| **way).count() > 1 {
            return Err("at most one of basic_auth, authorization and bearer_token can be set".to_owned());
        }
        if self.tls_config.cert_file.is_some() != self.tls_config.key_file.is_some() {
            return Err("cert_file and key_file go together".to_owned());
        }
        Ok(())
    }
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BasicAuth {
    pub username: String,
    pub password: Secret,
    pub password_file: Option<PathBuf>,
}

/// What follows the type in the header `Authorization`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    #[serde(rename = "type")]
    pub kind: String,
    pub credentials: Secret,
    pub credentials_file: Option<PathBuf>,
}

impl Default for Credentials {
    fn default() -> Self {
        Credentials { kind: "Bearer".to_owned(), credentials: Secret::default(), credentials_file: None }
    }
}

/// Whom to trust, and whom to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub insecure_skip_verify: bool,
}

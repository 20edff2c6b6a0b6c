//! [`HttpClient`].

use crate::config::{ClientConfig, TlsConfig};
use crate::secret::Secret;
use reqwest::{Certificate, Client, Identity, Method, Proxy, RequestBuilder};
use std::path::Path;

/// A client with credentials and TLS of its own.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    config: ClientConfig,
}

/// A configuration, or a file that it names, that cannot be used. The message is for the operator and has no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl HttpClient {
    /// # Errors
    /// When a file of `tls_config` cannot be read.
    pub fn new(config: ClientConfig) -> Result<Self, Unusable> {
        config.check().map_err(Unusable)?;
        let redirects = if config.follow_redirects {
            reqwest::redirect::Policy::limited(10)
        } else {
            reqwest::redirect::Policy::none()
        };
        let builder = Client::builder().redirect(redirects).no_proxy();
        let builder = match &config.proxy_url {
            // The URL may hold credentials: it is not shown.
            Some(url) => {
                builder.proxy(Proxy::all(url).map_err(|_| Unusable("proxy_url is no URL of a proxy".to_owned()))?)
            }
            None => builder,
        };
        let builder = with_tls(builder, &config.tls_config).map_err(Unusable)?;
        let client = builder.build().map_err(|error| Unusable(error.to_string()))?;
        Ok(HttpClient { client, config })
    }

    /// A request with the credentials. Files of credentials are read anew each time: they are made to change.
    ///
    /// # Errors
    /// When such a file cannot be read.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, Unusable> {
        let (request, config) = (self.client.request(method, url), &self.config);
        if let Some(basic) = &config.basic_auth {
            let password = secret(&basic.password, basic.password_file.as_deref())?;
            return Ok(request.basic_auth(&basic.username, Some(password)));
        }
        if let Some(given) = &config.authorization {
            let credentials = secret(&given.credentials, given.credentials_file.as_deref())?;
            return Ok(request.header("authorization", format!("{} {credentials}", given.kind)));
        }
        let token = config.bearer_token.clone().unwrap_or_default();
        let token = secret(&token, config.bearer_token_file.as_deref())?;
        Ok(if token.is_empty() { request } else { request.bearer_auth(token) })
    }
}

/// What caused the error, without its URL, which may hold credentials.
pub fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from("it cannot be reached");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

fn secret(given: &Secret, file: Option<&Path>) -> Result<String, Unusable> {
    let Some(file) = file else { return Ok(given.reveal().to_owned()) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Unusable(format!("the file {} cannot be read: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

fn with_tls(mut builder: reqwest::ClientBuilder, tls: &TlsConfig) -> Result<reqwest::ClientBuilder, String> {
    let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    if let Some(file) = &tls.ca_file {
        let roots = Certificate::from_pem_bundle(&read(file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        builder = builder.tls_built_in_root_certs(false);
        builder = roots.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    // That one comes without the other was refused before.
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        let pem = [read(cert)?, b"\n".to_vec(), read(key)?].concat();
        let identity = Identity::from_pem(&pem).map_err(|e| format!("{}: {e}", cert.display()))?;
        builder = builder.identity(identity);
    }
    Ok(builder.danger_accept_invalid_certs(tls.insecure_skip_verify))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BasicAuth;

    fn header(config: ClientConfig) -> Option<String> {
        let client = Client::new();
        let request = HttpClient { client, config }.request(Method::GET, "http://localhost/").unwrap().build().unwrap();
        request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn credentials_are_sent_as_configured_and_files_read_anew() {
        let config = |json: serde_json::Value| -> ClientConfig {
            ClientConfig { authorization: serde_json::from_value(json).unwrap(), ..ClientConfig::default() }
        };
        // Another test may have chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert_eq!(header(ClientConfig::default()), None);
        let basic = BasicAuth { username: "u".into(), password: Secret::new("p"), password_file: None };
        let basic = ClientConfig { basic_auth: Some(basic), ..ClientConfig::default() };
        assert_eq!(header(basic.clone()).unwrap(), "Basic dTpw");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let from_file = config(serde_json::json!({"type": "Token", "credentials_file": file}));
        for token in ["one", "two"] {
            std::fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(header(from_file.clone()).unwrap(), format!("Token {token}"));
        }
        std::fs::remove_file(&file).unwrap();
        let missing =
            HttpClient { client: Client::new(), config: from_file.clone() }.request(Method::GET, "http://localhost/");
        assert!(missing.unwrap_err().to_string().contains("cannot be read"));
        let both = ClientConfig { authorization: from_file.authorization, ..basic };
        assert!(both.check().unwrap_err().contains("at most one"));
    }
}

//! [`Fetch`]: how bytes come from a target; [`HttpFetch`] does it with HTTP.

use super::config::{InvalidScrape, ScrapeConfig, TlsConfig};
use super::pass::Failed;
use crate::compression::{Encoding, decompress};
use crate::reason::Reason;
use crate::secret::Secret;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response, StatusCode};
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

/// What scrapes can be read from.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
                        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

/// A body as it is meant, decompressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    pub body: Vec<u8>,
    pub content_type: String,
}

/// Why nothing was fetched. The message is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    pub reason: Reason,
    pub message: String,
}

impl FetchError {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        FetchError { reason, message: message.into() }
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Failed::new(error.reason, error.message)
    }
}

/// Brings what is at a URL. Whoever asks drops the future when it takes too long.
#[async_trait]
pub trait Fetch: Debug + Send + Sync {
    /// At most `max_bytes` of body, after decompression too.
    ///
    /// # Errors
    /// `scrape_failed`, `body_too_large`, `invalid_compression`.
    async fn fetch(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError>;
}

/// With the credentials and the TLS of one job.
#[derive(Debug)]
pub struct HttpFetch {
    client: Client,
    config: ScrapeConfig,
}

impl HttpFetch {
    /// # Errors
    /// When a file of `tls_config` cannot be read.
    pub fn new(config: &ScrapeConfig) -> Result<Self, InvalidScrape> {
        let wrong = |error: String| InvalidScrape(format!("scrape_configs, job {:?}: {error}", config.job_name));
        let redirects = if config.follow_redirects {
            reqwest::redirect::Policy::limited(10)
        } else {
            reqwest::redirect::Policy::none()
        };
        let builder = Client::builder().redirect(redirects).no_proxy();
        let builder = with_tls(builder, &config.tls_config).map_err(wrong)?;
        let client = builder.build().map_err(|error| wrong(error.to_string()))?;
        Ok(HttpFetch { client, config: config.clone() })
    }

    /// Files of credentials are read anew each time: they are made to change.
    fn authorised(&self, request: RequestBuilder) -> Result<RequestBuilder, FetchError> {
        let config = &self.config;
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

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError> {
        let encodings = if self.config.enable_compression { "gzip" } else { "identity" };
        let request = self.client.get(url).header(ACCEPT, ACCEPTED).header(ACCEPT_ENCODING, encodings);
        let request = request.header(USER_AGENT, concat!("Gantry/", env!("CARGO_PKG_VERSION")));
        let request = request.header("x-prometheus-scrape-timeout-seconds", timeout.as_secs_f64().to_string());
        let failed = |error: reqwest::Error| FetchError::new(Reason::ScrapeFailed, causes(&error));
        let response = self.authorised(request)?.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            let message = format!("the target answered {}", response.status());
            return Err(FetchError::new(Reason::ScrapeFailed, message));
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let (content_type, encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        let body = limited(response, max_bytes).await?;
        let refused = |error: crate::IngestError| FetchError::new(error.reason, error.message);
        let encoding = Encoding::parse(&encoding).map_err(refused)?;
        let body = match encoding {
            Encoding::Identity => body,
            _ => decompress(encoding, &body, max_bytes, |_| Ok(())).map_err(refused)?.into_owned(),
        };
        Ok(Fetched { body, content_type })
    }
}

async fn limited(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    loop {
        let part = response.chunk().await;
        match part.map_err(|error| FetchError::new(Reason::ScrapeFailed, causes(&error)))? {
            None => return Ok(body),
            Some(part) if body.len() + part.len() > max_bytes => {
                let message = format!("the target sends more than {max_bytes} bytes (body_size_limit)");
                return Err(FetchError::new(Reason::BodyTooLarge, message));
            }
            Some(part) => body.extend_from_slice(&part),
        }
    }
}

/// The error without its URL, which may hold credentials, and what caused it.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from("the target cannot be reached");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

fn secret(given: &Secret, file: Option<&Path>) -> Result<String, FetchError> {
    let Some(file) = file else { return Ok(given.reveal().to_owned()) };
    let text = std::fs::read_to_string(file).map_err(|error| {
        FetchError::new(Reason::ScrapeFailed, format!("the file {} cannot be read: {error}", file.display()))
    })?;
    Ok(text.trim().to_owned())
}

fn with_tls(mut builder: reqwest::ClientBuilder, tls: &TlsConfig) -> Result<reqwest::ClientBuilder, String> {
    let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    if let Some(file) = &tls.ca_file {
        let roots = Certificate::from_pem_bundle(&read(file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        builder = builder.tls_built_in_root_certs(false);
        builder = roots.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let pem = [read(cert)?, b"\n".to_vec(), read(key)?].concat();
            let identity = Identity::from_pem(&pem).map_err(|e| format!("{}: {e}", cert.display()))?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        _ => return Err("cert_file and key_file go together".to_owned()),
    }
    Ok(builder.danger_accept_invalid_certs(tls.insecure_skip_verify))
}

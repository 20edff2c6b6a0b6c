//! [`Fetch`]: how bytes come from a target; [`HttpFetch`] does it with HTTP.

use super::config::{InvalidScrape, ScrapeConfig};
use super::pass::Failed;
use crate::compression::{Encoding, decompress};
use crate::reason::Reason;
use async_trait::async_trait;
use gantry_http_client::{ClientConfig, HttpClient, causes};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use reqwest::{Method, Response, StatusCode};
use std::fmt::Debug;
use std::time::Duration;

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

/// With the credentials and the TLS of one job, or one server of discovery.
#[derive(Debug)]
pub struct HttpFetch {
    client: HttpClient,
    enable_compression: bool,
    /// Header `Accept`.
    accepted: String,
}

impl HttpFetch {
    /// For the targets of a job.
    ///
    /// # Errors
    /// When a file of `tls_config` cannot be read.
    pub fn new(config: &ScrapeConfig) -> Result<Self, InvalidScrape> {
        Self::with(&config.client, accepted(config), config.enable_compression, &config.job_name)
    }

    /// For a server that tells the targets of this job.
    ///
    /// # Errors
    /// As of [`HttpFetch::new`].
    pub fn discovery(config: &ClientConfig, job: &str) -> Result<Self, InvalidScrape> {
        Self::with(config, "application/json".to_owned(), true, job)
    }

    fn with(
        client: &ClientConfig,
        accepted: String,
        enable_compression: bool,
        job: &str,
    ) -> Result<Self, InvalidScrape> {
        let wrong = |error| InvalidScrape(format!("scrape_configs, job {job:?}: {error}"));
        Ok(HttpFetch { client: HttpClient::new(client.clone()).map_err(wrong)?, enable_compression, accepted })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError> {
        let encodings = if self.enable_compression { "gzip" } else { "identity" };
        let request = self.client.request(Method::GET, url).await;
        let request = request.map_err(|error| FetchError::new(Reason::ScrapeFailed, error.to_string()))?;
        let request = request.header(ACCEPT, &self.accepted).header(ACCEPT_ENCODING, encodings);
        let request = request.header(USER_AGENT, concat!("Gantry/", env!("CARGO_PKG_VERSION")));
        let request = request.header("x-prometheus-scrape-timeout-seconds", timeout.as_secs_f64().to_string());
        let response = request.send().await.map_err(failed)?;
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

/// The protocols of a job with falling weights, and anything else last.
fn accepted(config: &ScrapeConfig) -> String {
    let weighted = (2..=9).rev().zip(config.protocols());
    let escaping = config.escaping();
    let weighted = weighted.map(|(weight, protocol)| format!("{};q=0.{weight}", protocol.accepted(escaping)));
    weighted.chain(["*/*;q=0.1".to_owned()]).collect::<Vec<_>>().join(",")
}

async fn limited(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    loop {
        let part = response.chunk().await;
        match part.map_err(failed)? {
            None => return Ok(body),
            Some(part) if body.len() + part.len() > max_bytes => {
                let message = format!("the target sends more than {max_bytes} bytes (body_size_limit)");
                return Err(FetchError::new(Reason::BodyTooLarge, message));
            }
            Some(part) => body.extend_from_slice(&part),
        }
    }
}

fn failed(error: reqwest::Error) -> FetchError {
    FetchError::new(Reason::ScrapeFailed, format!("the target: {}", causes(&error)))
}

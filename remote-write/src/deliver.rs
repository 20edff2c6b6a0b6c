//! [`Deliver`]: how a request gets to a remote; [`HttpDeliver`] does it with HTTP.

use crate::options::{ProtobufMessage, RemoteWriteOptions};
use async_trait::async_trait;
use gantry_http_client::{HttpClient, Secret, Unusable, causes};
use gantry_model::TenantId;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Method, Response, StatusCode};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// Most bytes of an answer that are read: a message for the log.
const ANSWER_BYTES: usize = 512;

/// A body that is ready to go.
#[derive(Clone, Debug)]
pub struct Request {
    pub tenant: TenantId,
    /// Compressed as a snappy block.
    pub body: Vec<u8>,
    /// Numbers, histograms.
    pub samples: u64,
}

/// What the remote made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// It may work later: what went wrong, and when the remote wants to be asked again.
    Later {
        why: String,
        after: Option<Duration>,
    },
    /// It will never work. The status tells kinds apart; 0 stands for an answer that cannot be understood.
    Never {
        status: u16,
        why: String,
    },
}

/// Sends requests. Whoever asks has a limit of time.
#[async_trait]
pub trait Deliver: Debug + Send + Sync {
    async fn deliver(&self, request: &Request) -> Verdict;
}

/// With the credentials, the headers and the TLS of one remote.
#[derive(Debug)]
pub(crate) struct HttpDeliver {
    client: HttpClient,
    url: String,
    headers: BTreeMap<String, Secret>,
    tenant_header: String,
    timeout: Duration,
    message: ProtobufMessage,
    retry_429: bool,
}

impl HttpDeliver {
    /// # Errors
    /// When a file of `tls_config` cannot be read.
    pub fn new(options: &RemoteWriteOptions) -> Result<Self, Unusable> {
        Ok(HttpDeliver {
            client: HttpClient::new(options.client.clone())?,
            url: options.url.clone(),
            headers: options.headers.clone(),
            tenant_header: options.tenant_header.clone(),
            timeout: options.remote_timeout,
            message: options.protobuf_message,
            retry_429: options.queue_config.retry_on_http_429,
        })
    }

    async fn send(&self, request: &Request) -> Result<Verdict, String> {
        let (content_type, version) = match self.message {
            ProtobufMessage::V1 => ("application/x-protobuf", "0.1.0"),
            ProtobufMessage::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        let http = self.client.request(Method::POST, &self.url).await.map_err(|error| error.to_string())?;
        let mut http = http
            .header(CONTENT_ENCODING, "snappy")
            .header(CONTENT_TYPE, content_type)
            .header(USER_AGENT, concat!("Gantry/", env!("CARGO_PKG_VERSION")))
            .header("x-prometheus-remote-write-version", version);
        for (name, value) in &self.headers {
            http = http.header(name, value.reveal());
        }
        if !self.tenant_header.is_empty() {
            http = http.header(&self.tenant_header, request.tenant.as_str());
        }
        let response = http.body(request.body.clone()).send().await.map_err(|error| causes(&error))?;
        Ok(self.judge(response, request).await)
    }

    async fn judge(&self, response: Response, request: &Request) -> Verdict {
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return self.check_written(&headers, request);
        }
        let why = format!("{status}: {}", beginning(response).await);
        match status {
            StatusCode::TOO_MANY_REQUESTS if self.retry_429 => Verdict::Later { why, after: retry_after(&headers) },
            _ if status.is_server_error() => Verdict::Later { why, after: retry_after(&headers) },
            _ => Verdict::Never { status: status.as_u16(), why },
        }
    }

    /// A receiver that does not know 2.0 may answer 200 all the same, and store nothing ("Remote-Write 2.0
    /// Specification", "Required Written Response Headers").
    fn check_written(&self, headers: &HeaderMap, request: &Request) -> Verdict {
        let is_told = ["samples", "histograms"].map(|what| format!("x-prometheus-remote-write-{what}-written"));
        let is_told = is_told.iter().any(|name| headers.contains_key(name));
        if self.message == ProtobufMessage::V1 || is_told || request.samples == 0 {
            return Verdict::Taken;
        }
        let why = "the remote does not say that it understood remote write 2.0; use protobuf_message = \"prometheus.WriteRequest\"";
        Verdict::Never { status: 0, why: why.to_owned() }
    }
}

#[async_trait]
impl Deliver for HttpDeliver {
    async fn deliver(&self, request: &Request) -> Verdict {
        match tokio::time::timeout(self.timeout, self.send(request)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(why)) => Verdict::Later { why, after: None },
            Err(_) => {
                let why = format!("no answer within {}", humantime::format_duration(self.timeout));
                Verdict::Later { why, after: None }
            }
        }
    }
}

/// RFC 9110, section 10.2.3, in seconds; a date is not followed.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn beginning(mut response: Response) -> String {
    let mut text = Vec::new();
    while text.len() < ANSWER_BYTES
        && let Ok(Some(part)) = response.chunk().await
    {
        text.extend_from_slice(&part[..part.len().min(ANSWER_BYTES - text.len())]);
    }
    String::from_utf8_lossy(&text).trim().to_owned()
}

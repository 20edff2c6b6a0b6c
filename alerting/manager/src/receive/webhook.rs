//! POSTs the document, version 4.

use super::{Failure, Notifier};
use crate::config::{Global, HttpConfig, UrlOrFile, WebhookConfig};
use crate::data::Data;
use async_trait::async_trait;
use gantry_http_client::{HttpClient, Unusable, causes};
use reqwest::{Method, StatusCode};
use std::time::Duration;

/// Most of a refusal that is told to the operator.
const MOST_TOLD: usize = 500;

#[derive(Debug)]
pub struct Webhook {
    client: HttpClient,
    target: UrlOrFile,
    max_alerts: usize,
    timeout: Option<Duration>,
}

impl Webhook {
    pub fn new(config: &WebhookConfig, global: &Global) -> Result<Self, Unusable> {
        let timeout = config.timeout.and_then(|nanos| u64::try_from(nanos).ok()).filter(|nanos| *nanos > 0);
        Ok(Webhook {
            client: client(config.http_config.as_ref(), global)?,
            target: config.target(),
            max_alerts: config.max_alerts,
            timeout: timeout.map(Duration::from_nanos),
        })
    }
}

/// The client of an integration: its own settings, else those of all.
pub fn client(own: Option<&HttpConfig>, global: &Global) -> Result<HttpClient, Unusable> {
    let config = own.or(global.http_config.as_ref()).cloned().unwrap_or_default();
    HttpClient::new(config.client)
}

/// What a status means: 5xx and 429 may pass, others not.
pub async fn judge(response: Result<reqwest::Response, reqwest::Error>) -> Result<reqwest::Response, Failure> {
    // A text that is no URL stays none.
    let response = response.map_err(|error| Failure { retry: !error.is_builder(), why: causes(&error) })?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let mut text = response.text().await.unwrap_or_default();
    text.truncate(text.floor_char_boundary(MOST_TOLD));
    let retry = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(Failure { retry, why: format!("it answered {status}: {}", text.trim()) })
}

#[async_trait]
impl Notifier for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    async fn notify(&self, data: &Data) -> Result<(), Failure> {
        let fatal = |why: String| Failure { retry: false, why };
        let later = |why: String| Failure { retry: true, why };
        let url = self.target.get().map_err(later)?;
        let mut request = self.client.request(Method::POST, &url).await.map_err(|error| later(error.to_string()))?;
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        let body = serde_json::to_vec(&data.clone().cut(self.max_alerts)).map_err(|error| fatal(error.to_string()))?;
        judge(request.header("content-type", "application/json").body(body).send().await).await.map(drop)
    }
}

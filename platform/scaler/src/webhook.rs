//! [`Webhook`]: posts changes as JSON, signed, again and again until one is taken or the next look is due.

use crate::seam::{Execute, Order};
use async_trait::async_trait;
use gantry_http_client::{ClientConfig, HttpClient, Unusable, causes};
use gantry_platform_model::{ExecutorSpec, WebhookSpec};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sha2::Sha256;
use std::path::PathBuf;
use std::time::Duration;

/// Pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Posts to the URL of each policy.
#[derive(Debug)]
pub struct Webhook {
    client: HttpClient,
    secrets: PathBuf,
}

/// Why an attempt failed, and whether another one can help.
struct Refused {
    why: String,
    again: bool,
}

impl Webhook {
    /// `secrets`: where the files are that policies name.
    ///
    /// # Errors
    /// When there cannot be an HTTP client.
    pub fn new(secrets: PathBuf) -> Result<Self, Unusable> {
        let client = HttpClient::new(ClientConfig { follow_redirects: false, ..ClientConfig::default() })?;
        Ok(Webhook { client, secrets })
    }

    /// `sha256=` and the HMAC of `TIME.BODY` in hexadecimal digits.
    fn signature(&self, file: &str, at_ms: i64, body: &str) -> Result<String, String> {
        let path = self.secrets.join(file);
        let secret = std::fs::read_to_string(&path).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "the secret of a webhook cannot be read");
            "the secret cannot be read, see the server's log".to_owned()
        })?;
        match secret.trim() {
            "" => Err("the secret is empty".to_owned()),
            secret => Ok(format!("sha256={}", sign(secret, &format!("{at_ms}.{body}")))),
        }
    }

    async fn post(&self, spec: &WebhookSpec, order: &Order<'_>, body: &str) -> Result<(), Refused> {
        let final_ = |why: String| Refused { why, again: false };
        let at_ms = order.decision.at_ms;
        let mut request =
            self.client.request(Method::POST, &spec.url).await.map_err(|error| final_(error.to_string()))?;
        request = request.timeout(Duration::from_secs(spec.timeout_seconds.into()));
        request = request.header("content-type", "application/json").header("idempotency-key", order.key);
        request = request.header("x-gantry-timestamp", at_ms.to_string());
        if let Some(file) = &spec.secret_file {
            request = request.header("x-gantry-signature", self.signature(file, at_ms, body).map_err(final_)?);
        }
        let answer = request.body(body.to_owned()).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => {
                let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
                Err(Refused { why: format!("the webhook answered {status}"), again: later || status.is_server_error() })
            }
            Err(error) if error.is_timeout() => Err(Refused {
                why: format!("the webhook did not answer within {} s", spec.timeout_seconds),
                again: true,
            }),
            Err(error) => Err(Refused { why: format!("the webhook: {}", causes(&error)), again: true }),
        }
    }
}

/// HMAC-SHA256 in hexadecimal digits (RFC 2104).
fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl Execute for Webhook {
    async fn apply(&self, order: Order<'_>) -> Result<(), String> {
        let ExecutorSpec::Webhook(spec) = &order.policy.executor else {
            return Err("the policy names no webhook".to_owned());
        };
        let decision = order.decision;
        let body = json!({
            "version": "1",
            "tenant": order.tenant.as_str(),
            "policy": order.policy.name,
            "replicas": decision.desired,
            "previousReplicas": decision.current,
            "idempotencyKey": order.key,
            "decision": decision,
        });
        let (body, mut pause) = (body.to_string(), PAUSE);
        for left in (0..=spec.retries).rev() {
            match self.post(spec, &order, &body).await {
                Ok(()) => return Ok(()),
                Err(refused) if left == 0 || !refused.again => return Err(refused.why),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

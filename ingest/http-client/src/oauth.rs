//! [`Tokens`]: bearer tokens for the credentials of a client (RFC 6749, section 4.4), kept until shortly before they end.

use crate::client::{HttpClient, Unusable, causes, secret};
use crate::config::OAuth2;
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long before its end a token is not used any more.
const EARLY: Duration = Duration::from_secs(10);
/// How long the server of tokens may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of its answer.
const MOST_ANSWER: usize = 1 << 20;

/// Asks for tokens; one question at a time.
#[derive(Debug)]
pub(crate) struct Tokens {
    config: OAuth2,
    client: HttpClient,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    token: String,
    /// `None`: it does not end.
    ends: Option<Instant>,
    /// The server wants the credentials in the body, and not in the header (section 2.3.1).
    in_body: bool,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// Section 5.1.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds; some servers write a text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl Tokens {
    pub fn new(config: &OAuth2) -> Result<Self, Unusable> {
        let client = HttpClient::new(config.client()).map_err(|error| Unusable(format!("oauth2: {error}")))?;
        Ok(Tokens { config: config.clone(), client, held: Mutex::default() })
    }

    /// The one that is held, or a new one.
    ///
    /// # Errors
    /// When the server of tokens gives none.
    pub async fn token(&self) -> Result<String, Unusable> {
        let mut held = self.held.lock().await;
        if !held.token.is_empty() && held.ends.is_none_or(|ends| Instant::now() < ends) {
            return Ok(held.token.clone());
        }
        let (asked, mut in_body) = (Instant::now(), held.in_body);
        let answer = match self.ask(in_body).await {
            // Which of the two ways a server knows is found out by asking.
            Err(NoToken { refused: true, .. }) if !in_body => {
                in_body = true;
                self.ask(in_body).await
            }
            answer => answer,
        };
        let answer = answer.map_err(|none| Unusable(format!("oauth2: {}", none.why)))?;
        let seconds = answer.expires_in.as_u64().or_else(|| answer.expires_in.as_str()?.parse().ok());
        let lasts = seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let ends = lasts.and_then(|lasts| asked.checked_add(lasts.saturating_sub(EARLY)));
        *held = Held { token: answer.access_token, ends, in_body };
        Ok(held.token.clone())
    }

    async fn ask(&self, in_body: bool) -> Result<Answer, NoToken> {
        let request = self.request(in_body).await.map_err(|error| NoToken::new(error.to_string()))?;
        let answer = async {
            let response = request.send().await.map_err(|error| NoToken::new(causes(&error)))?;
            let status = response.status();
            let body = limited(response).await.map_err(NoToken::new)?;
            if !status.is_success() {
                let refused = status.is_client_error();
                return Err(NoToken { refused, ..NoToken::new(format!("the server of tokens answers {status}")) });
            }
            // What it says may hold a token: it is not shown.
            let answer = serde_json::from_slice::<Answer>(&body).ok().filter(|answer| !answer.access_token.is_empty());
            answer.ok_or_else(|| NoToken::new("the answer of the server of tokens has no access_token"))
        };
        let late = |_| Err(NoToken::new("the server of tokens does not answer in time"));
        timeout(PATIENCE, answer).await.unwrap_or_else(late)
    }

    async fn request(&self, in_body: bool) -> Result<RequestBuilder, Unusable> {
        let OAuth2 { client_id, client_secret, client_secret_file, .. } = &self.config;
        let password = secret(client_secret, client_secret_file.as_deref())?;
        let scope = self.config.scopes.join(" ");
        let mut form = vec![("grant_type", "client_credentials")];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        form.extend(self.config.endpoint_params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // This client has no OAuth of its own, so it does not come here again.
        let mut request = Box::pin(self.client.request(Method::POST, &self.config.token_url)).await?;
        if in_body {
            form.extend([("client_id", client_id.as_str()), ("client_secret", &password)]);
        } else {
            request = request.basic_auth(encoded(client_id), Some(encoded(&password)));
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Ok(request.header("content-type", "application/x-www-form-urlencoded").body(body))
    }
}

/// Why there is none.
struct NoToken {
    /// The server does not take the credentials, or not in this way.
    refused: bool,
    why: String,
}

impl NoToken {
    fn new(why: impl Into<String>) -> Self {
        NoToken { refused: false, why: why.into() }
    }
}

/// Section 2.3.1: user and password are encoded as in a form first.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn limited(mut response: Response) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|_| "its answer breaks off")? {
        if body.len() + part.len() > MOST_ANSWER {
            return Err("its answer is too long");
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

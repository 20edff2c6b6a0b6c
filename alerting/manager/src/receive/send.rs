//! Sends what a way to notify says, once, and judges the answer.

use super::way::{Refusal, Request, Subject, requests};
use super::webhook::judge;
use super::{Failure, Notifier, jira, mail, wechat};
use crate::config::Way;
use crate::data::Data;
use crate::template::Templates;
use async_trait::async_trait;
use gantry_http_client::{HttpClient, Unusable, causes};
use gantry_model::Clock;
use reqwest::{Method, Response};
use serde_json::Value;
use std::sync::Arc;

/// Most bytes of an answer that are looked at.
const MOST_ANSWER: usize = 64 << 10;

/// Where servers say why they refuse.
const REASONS: [&str; 4] = ["description", "errmsg", "msg", "error"];
/// The type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Notifies in one way.
#[derive(Debug)]
pub struct Sender {
    way: Way,
    /// `None` for mail.
    client: Option<HttpClient>,
    templates: Arc<Templates>,
    /// For signatures and the date of mail.
    clock: Arc<dyn Clock>,
}

impl Sender {
    /// # Errors
    /// When a file of certificates cannot be used.
    pub fn new(way: Way, templates: Arc<Templates>, clock: Arc<dyn Clock>) -> Result<Self, Unusable> {
        let client = way.http().map(|http| HttpClient::new(http.client)).transpose()?;
        Ok(Sender { way, client, templates, clock })
    }
}

#[async_trait]
impl Notifier for Sender {
    fn kind(&self) -> &'static str {
        self.way.kind()
    }

    async fn notify(&self, data: &Data) -> Result<(), Failure> {
        let subject = Subject { data, templates: &self.templates, now: self.clock.now() };
        match (&self.way, &self.client) {
            (Way::Email(one), _) => mail::send(one, &subject).await,
            (_, None) => Err(Failure::lasting("there is no client")),
            (Way::WeChat(one), Some(client)) => {
                let answer = ask(client, &Request::get(wechat::token_url(one).map_err(Failure::passing)?)).await?;
                let token = wechat::token(&answer).ok_or_else(|| Failure::passing("no access token was given"))?;
                send(client, &wechat::message(one, &subject, token).map_err(Failure::lasting)?).await
            }
            (Way::Jira(one), Some(client)) => jira::tell(one, client, &subject).await,
            (way, Some(client)) => {
                for request in requests(way, &subject).map_err(Failure::lasting)? {
                    send(client, &request).await?;
                }
                Ok(())
            }
        }
    }
}

/// Sends a request whose answer is JSON.
pub async fn ask(client: &HttpClient, request: &Request) -> Result<Value, Failure> {
    serde_json::from_slice(&body(taken(client, request).await?).await?)
        .map_err(|_| Failure::passing("the answer is no JSON"))
}

/// Sends a request that its server may refuse with status 200.
pub async fn send(client: &HttpClient, request: &Request) -> Result<(), Failure> {
    let response = taken(client, request).await?;
    match request.refusal {
        // What was taken is not sent again because its answer broke off.
        Refusal::Never => Ok(()),
        refusal => accepted(refusal, &body(response).await?),
    }
}

async fn taken(client: &HttpClient, request: &Request) -> Result<Response, Failure> {
    let built = client.request(request.method.clone(), &request.url).await;
    let mut built = built.map_err(|error| Failure::passing(error.to_string()))?;
    for (name, value) in &request.headers {
        built = built.header(*name, value);
    }
    if let Some(timeout) = request.timeout {
        built = built.timeout(timeout);
    }
    let built = match &request.body {
        Value::Null if request.method == Method::GET => built,
        Value::Null => built.header("content-type", "text/plain").body(""),
        Value::String(form) => built.header("content-type", FORM).body(form.clone()),
        json => built.json(json),
    };
    judge(built.send().await).await
}

/// Whether an answer with status 200 means it.
pub fn accepted(refusal: Refusal, answer: &[u8]) -> Result<(), Failure> {
    let answer = serde_json::from_slice::<Value>(answer);
    let good = match (refusal, &answer) {
        (Refusal::Never, _) => true,
        // It is somebody else's, as of a proxy.
        (Refusal::Unless(_), Err(_)) => return Err(Failure::passing("the answer is no JSON")),
        (Refusal::Unless(field), Ok(answer)) => answer[field] == true,
        (Refusal::Code(field), _) => {
            answer.as_ref().ok().and_then(|answer| answer.get(field)).is_none_or(|code| code == 0)
        }
    };
    let why =
        answer.ok().and_then(|answer| REASONS.iter().find_map(|field| answer[field].as_str().map(ToOwned::to_owned)));
    match good {
        true => Ok(()),
        false => Err(Failure::lasting(format!("the server refused: {}", why.as_deref().unwrap_or("no reason")))),
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::passing(causes(&error)))? {
        all.extend_from_slice(&chunk);
        if all.len() > MOST_ANSWER {
            break;
        }
    }
    Ok(all)
}

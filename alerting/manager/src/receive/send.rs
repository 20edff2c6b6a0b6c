//! Sends what a way to notify says, once, and judges the answer.

use super::way::{Refusal, Request, Subject, requests};
use super::webhook::judge;
use super::{Failure, Notifier, mail, wechat};
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
                let answer = get(client, &wechat::token_url(one).map_err(Failure::passing)?).await?;
                let token = wechat::token(&answer).ok_or_else(|| Failure::passing("no access token was given"))?;
                post(client, &wechat::message(one, &subject, token).map_err(Failure::lasting)?).await
            }
            (way, Some(client)) => {
                for request in requests(way, &subject).map_err(Failure::lasting)? {
                    post(client, &request).await?;
                }
                Ok(())
            }
        }
    }
}

fn unusable(error: Unusable) -> Failure {
    Failure::passing(error.to_string())
}

async fn get(client: &HttpClient, url: &str) -> Result<Value, Failure> {
    let request = client.request(Method::GET, url).await.map_err(unusable)?;
    let response = judge(request.send().await).await?;
    serde_json::from_slice(&body(response).await?).map_err(|_| Failure::passing("the answer is no JSON"))
}

async fn post(client: &HttpClient, request: &Request) -> Result<(), Failure> {
    let mut built = client.request(request.method.clone(), &request.url).await.map_err(unusable)?;
    for (name, value) in &request.headers {
        built = built.header(*name, value);
    }
    let response = judge(built.json(&request.body).send().await).await?;
    match request.refusal {
        Refusal::Never => Ok(()),
        refusal => accepted(refusal, &body(response).await?),
    }
}

/// Whether an answer with status 200 means it.
pub fn accepted(refusal: Refusal, answer: &[u8]) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let good = match refusal {
        Refusal::Never => true,
        Refusal::NotOk => answer["ok"] == true,
        Refusal::Code(field) => answer.get(field).is_none_or(|code| code == 0),
    };
    let why = ["description", "errmsg", "msg"].iter().find_map(|field| answer[field].as_str()).unwrap_or("no reason");
    if good { Ok(()) } else { Err(Failure::lasting(format!("the server refused: {why}"))) }
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

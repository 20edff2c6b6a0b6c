//! The client side of Gantry's HTTP API.

use super::{Failure, ServerArgs};
use anyhow::{Context, anyhow};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use rustls::ClientConfig;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Lets a selector be empty, which Loki's rules forbid: "search everything" is what plain words mean.
const ALLOW_ALL: HeaderName = HeaderName::from_static("x-gantry-allow-all");
const TENANT: HeaderName = HeaderName::from_static("x-scope-orgid");
const ENCODING_FLAGS: HeaderName = HeaderName::from_static("x-loki-response-encoding-flags");

/// A server and how to talk to it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    headers: HeaderMap,
    tls: Option<Arc<ClientConfig>>,
}

impl Client {
    pub fn new(server: &ServerArgs) -> Result<Self, Failure> {
        let address = server.address();
        let mut headers = HeaderMap::from_iter([
            (ALLOW_ALL, HeaderValue::from_static("1")),
            (ENCODING_FLAGS, HeaderValue::from_static("categorize-labels")),
        ]);
        if let Some(tenant) = &server.tenant {
            headers.insert(TENANT, tenant.parse().context("the tenant cannot be sent as a header")?);
        }
        let builder = server.http()?.connect_timeout(CONNECT_TIMEOUT).default_headers(headers.clone());
        let http = builder.build().context("cannot set up HTTP")?;
        let tls = server.tls()?.map(Arc::new);
        Ok(Client { http, address, headers, tls })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// How to protect a connection; `None` in plain text.
    pub fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    /// What every request carries.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub fn failed(&self, cause: impl std::fmt::Display) -> Failure {
        Failure::Unreachable { address: self.address.clone(), cause: cause.to_string() }
    }

    /// GET with parameters; the answer must be JSON.
    pub async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, Failure> {
        let request = self.http.get(format!("{}{path}", self.address)).query(parameters);
        self.send(request).await?.json().await.map_err(|e| anyhow!("the answer is no JSON: {e}").into())
    }

    /// POST of a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response, Failure> {
        self.send(self.http.post(format!("{}{path}", self.address)).json(body)).await
    }

    /// PUT of a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Response, Failure> {
        self.send(self.http.put(format!("{}{path}", self.address)).json(body)).await
    }

    /// POST of a text; the answer must be JSON.
    pub async fn post_text(&self, path: &str, parameters: &[(&str, String)], body: String) -> Result<Value, Failure> {
        let request = self.http.post(format!("{}{path}", self.address)).query(parameters).body(body);
        self.send(request).await?.json().await.map_err(|e| anyhow!("the answer is no JSON: {e}").into())
    }

    /// A request without a body.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        headers: HeaderMap,
    ) -> Result<Response, Failure> {
        let request = self.http.request(method, format!("{}{path}", self.address)).query(parameters);
        self.send(request.headers(headers)).await
    }

    /// POST of a Parquet file; the answer must be JSON.
    pub async fn upload(&self, path: &str, body: reqwest::Body) -> Result<Value, Failure> {
        let request = self.http.post(format!("{}{path}", self.address)).body(body);
        let request = request.header("content-type", "application/vnd.apache.parquet");
        self.send(request).await?.json().await.map_err(|e| anyhow!("the answer is no JSON: {e}").into())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|e| match e.is_connect() || e.is_timeout() {
            true => self.failed(root_cause(&e)),
            false => Failure::Other(anyhow!("{}", root_cause(&e))),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        Err(anyhow!("{}", refusal(status, text.trim())).into())
    }
}

/// Errors come as text or as JSON with a message.
fn refusal(status: StatusCode, text: &str) -> String {
    let json: Option<Value> = serde_json::from_str(text).ok();
    // Alertmanager's API answers with a text in JSON.
    let message =
        json.as_ref().and_then(|v| v.as_str().or_else(|| v.get("message").or_else(|| v.get("error"))?.as_str()));
    match message.unwrap_or(text) {
        "" => format!("the server answered {status}"),
        message if status.is_client_error() => message.to_owned(),
        message => format!("the server answered {status}: {message}"),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

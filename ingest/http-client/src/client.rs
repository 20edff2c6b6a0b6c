//! [`HttpClient`].

use crate::config::ClientConfig;
use crate::oauth::Tokens;
use crate::secret::Secret;
use crate::tls::tls_client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, RequestBuilder};
use std::path::Path;
use std::sync::Arc;

/// A client with credentials and TLS of its own.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    config: ClientConfig,
    tokens: Option<Arc<Tokens>>,
}

/// A configuration, or a file that it names, that cannot be used; or a server that gives no token. The message is for the operator and has no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl HttpClient {
    /// # Errors
    /// When the configuration contradicts itself, or a file of `tls_config` cannot be read.
    pub fn new(config: ClientConfig) -> Result<Self, Unusable> {
        config.check().map_err(Unusable)?;
        let redirects = if config.follow_redirects {
            reqwest::redirect::Policy::limited(10)
        } else {
            reqwest::redirect::Policy::none()
        };
        let mut tls = tls_client(&config.tls_config)?;
        let offered: &[&[u8]] = if config.enable_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        tls.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let builder = Client::builder().redirect(redirects).use_preconfigured_tls(tls);
        let builder = if config.enable_http2 { builder } else { builder.http1_only() };
        let client = with_proxy(builder, &config)?.build().map_err(|error| Unusable(error.to_string()))?;
        let tokens = config.oauth2.as_ref().map(|oauth| Tokens::new(oauth).map(Arc::new)).transpose()?;
        Ok(HttpClient { client, config, tokens })
    }

    /// A request with the credentials and the configured headers. Files of both are read anew each time: they are made to change.
    ///
    /// # Errors
    /// When such a file cannot be read, or the server of OAuth gives no token.
    pub async fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, Unusable> {
        let request = self.with_headers(self.client.request(method, url))?;
        let config = &self.config;
        if let Some(basic) = &config.basic_auth {
            let user = secret(&Secret::new(basic.username.as_str()), basic.username_file.as_deref())?;
            let password = secret(&basic.password, basic.password_file.as_deref())?;
            return Ok(request.basic_auth(user, Some(password)));
        }
        if let Some(given) = &config.authorization {
            let credentials = secret(&given.credentials, given.credentials_file.as_deref())?;
            return Ok(request.header("authorization", format!("{} {credentials}", given.kind)));
        }
        if let Some(tokens) = &self.tokens {
            return Ok(request.bearer_auth(tokens.token().await?));
        }
        let token = config.bearer_token.clone().unwrap_or_default();
        let token = secret(&token, config.bearer_token_file.as_deref())?;
        Ok(if token.is_empty() { request } else { request.bearer_auth(token) })
    }

    fn with_headers(&self, mut request: RequestBuilder) -> Result<RequestBuilder, Unusable> {
        for (name, given) in &self.config.http_headers {
            for value in &given.values {
                request = request.header(name, value);
            }
            for value in &given.secrets {
                request = request.header(name, sensitive(name, value.reveal())?);
            }
            for file in &given.files {
                request = request.header(name, sensitive(name, &secret(&Secret::default(), Some(file))?)?);
            }
        }
        Ok(request)
    }
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, Unusable> {
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| Unusable(format!("the value of the header {name:?} cannot be sent")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn with_proxy(builder: ClientBuilder, config: &ClientConfig) -> Result<ClientBuilder, Unusable> {
    let Some(url) = &config.proxy_url else {
        return Ok(if config.proxy_from_environment { builder } else { builder.no_proxy() });
    };
    // The URL may hold credentials: it is not shown.
    let proxy = Proxy::all(url.reveal()).map_err(|_| Unusable("proxy_url is no URL of a proxy".to_owned()))?;
    let mut headers = HeaderMap::new();
    for (name, values) in &config.proxy_connect_header {
        let header = HeaderName::try_from(name.as_str());
        let header = header.map_err(|_| Unusable(format!("proxy_connect_header: {name:?} is no name of a header")))?;
        for value in values {
            headers.append(header.clone(), sensitive(name, value.reveal())?);
        }
    }
    Ok(builder.no_proxy().proxy(proxy.no_proxy(NoProxy::from_string(&config.no_proxy)).headers(headers)))
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

pub(crate) fn secret(given: &Secret, file: Option<&Path>) -> Result<String, Unusable> {
    let Some(file) = file else { return Ok(given.reveal().to_owned()) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Unusable(format!("the file {} cannot be read: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests;

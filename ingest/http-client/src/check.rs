//! What contradicts itself in a configuration, before anything is sent.

use crate::config::{BasicAuth, ClientConfig, OAuth2, TlsConfig, TlsVersion};
use reqwest::header::HeaderName;

/// Headers that requests have anyway, or that belong to a connection. Those that start with `x-amz-` are a signature's.
const TAKEN: [&str; 15] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
];

impl ClientConfig {
    /// # Errors
    /// What contradicts itself.
    pub fn check(&self) -> Result<(), String> {
        let bearer = self.bearer_token.is_some() || self.bearer_token_file.is_some();
        let ways = [self.basic_auth.is_some(), self.authorization.is_some(), self.oauth2.is_some(), bearer];
        if ways.iter().filter(|way| **way).count() > 1 {
            return wrong("at most one of basic_auth, authorization, oauth2 and bearer_token can be set");
        }
        if self.bearer_token.is_some() && self.bearer_token_file.is_some() {
            return wrong("at most one of bearer_token and bearer_token_file can be set");
        }
        if let Some(given) = &self.authorization {
            if given.kind.trim().eq_ignore_ascii_case("basic") {
                return wrong("the type of authorization cannot be \"basic\": use basic_auth");
            }
            at_most_one("credentials", !given.credentials.is_empty(), given.credentials_file.is_some())?;
        }
        self.basic_auth.as_ref().map_or(Ok(()), BasicAuth::check)?;
        self.oauth2.as_ref().map_or(Ok(()), OAuth2::check)?;
        self.check_proxy()?;
        self.check_headers()?;
        self.tls_config.check()
    }

    fn check_proxy(&self) -> Result<(), String> {
        if self.proxy_from_environment && (self.proxy_url.is_some() || !self.no_proxy.is_empty()) {
            return wrong("with proxy_from_environment there can be neither proxy_url nor no_proxy");
        }
        if self.proxy_url.is_none() && !self.no_proxy.is_empty() {
            return wrong("no_proxy needs a proxy_url");
        }
        if self.proxy_url.is_none() && !self.proxy_connect_header.is_empty() {
            return wrong("proxy_connect_header needs a proxy_url");
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), String> {
        for (name, values) in &self.http_headers {
            let lower = name.to_ascii_lowercase();
            if TAKEN.contains(&lower.as_str()) || lower.starts_with("x-amz-") {
                return Err(format!("http_headers: {name:?} cannot be set here"));
            }
            if HeaderName::try_from(name.as_str()).is_err() {
                return Err(format!("http_headers: {name:?} is no name of a header"));
            }
            if values.values.is_empty() && values.secrets.is_empty() && values.files.is_empty() {
                return Err(format!("http_headers: {name:?} has no value"));
            }
        }
        Ok(())
    }
}

impl BasicAuth {
    fn check(&self) -> Result<(), String> {
        at_most_one("username", !self.username.is_empty(), self.username_file.is_some())?;
        at_most_one("password", !self.password.is_empty(), self.password_file.is_some())
    }
}

impl OAuth2 {
    fn check(&self) -> Result<(), String> {
        if self.client_id.is_empty() {
            return wrong("oauth2 needs a client_id");
        }
        if self.client_secret.is_empty() && self.client_secret_file.is_none() {
            return wrong("oauth2 needs a client_secret or a client_secret_file");
        }
        at_most_one("client_secret", !self.client_secret.is_empty(), self.client_secret_file.is_some())?;
        match self.token_url.parse::<reqwest::Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {}
            _ => return wrong("oauth2 needs a token_url such as https://id.example.org/token"),
        }
        self.client().check().map_err(|why| format!("oauth2: {why}"))
    }
}

impl TlsConfig {
    /// # Errors
    /// What contradicts itself.
    pub fn check(&self) -> Result<(), String> {
        at_most_one("ca", self.ca.is_some(), self.ca_file.is_some())?;
        at_most_one("cert", self.cert.is_some(), self.cert_file.is_some())?;
        at_most_one("key", self.key.is_some(), self.key_file.is_some())?;
        let (cert, key) =
            (self.cert.is_some() || self.cert_file.is_some(), self.key.is_some() || self.key_file.is_some());
        if cert != key {
            return wrong("a certificate and its key (cert_file and key_file) go together");
        }
        let (min, max) = (self.min_version, self.max_version.unwrap_or(TlsVersion::TLS13));
        if max < TlsVersion::TLS12 {
            return wrong("max_version has to be at least TLS12: older versions are not spoken");
        }
        if min.is_some_and(|min| min > max) {
            return wrong("min_version is above max_version");
        }
        Ok(())
    }
}

fn at_most_one(name: &str, given: bool, file: bool) -> Result<(), String> {
    if given && file { Err(format!("at most one of {name} and {name}_file can be set")) } else { Ok(()) }
}

fn wrong(what: &str) -> Result<(), String> {
    Err(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_told() {
        let cases = [
            (r#"{"basic_auth": {"username": "u"}, "bearer_token": "x"}"#, "at most one of basic_auth"),
            (r#"{"oauth2": {}, "authorization": {}}"#, "at most one of basic_auth"),
            (r#"{"basic_auth": {"password": "x", "password_file": "y"}}"#, "password_file"),
            (r#"{"bearer_token": "x", "bearer_token_file": "y"}"#, "bearer_token_file"),
            (r#"{"authorization": {"type": "Basic", "credentials": "x"}}"#, "use basic_auth"),
            (r#"{"oauth2": {"client_id": "me", "token_url": "http://t"}}"#, "client_secret"),
            (r#"{"oauth2": {"client_id": "me", "client_secret": "x", "token_url": "t"}}"#, "token_url"),
            (r#"{"proxy_from_environment": true, "proxy_url": "http://p"}"#, "proxy_from_environment"),
            (r#"{"no_proxy": "a"}"#, "needs a proxy_url"),
            (r#"{"http_headers": {"Host": {"values": ["a"]}}}"#, "cannot be set"),
            (r#"{"http_headers": {"a b": {"values": ["a"]}}}"#, "no name of a header"),
            (r#"{"http_headers": {"X-A": {}}}"#, "has no value"),
            (r#"{"tls_config": {"cert_file": "a"}}"#, "go together"),
            (r#"{"tls_config": {"ca": "a", "ca_file": "b"}}"#, "ca_file"),
            (r#"{"tls_config": {"max_version": "TLS11"}}"#, "at least TLS12"),
            (r#"{"tls_config": {"min_version": "TLS13", "max_version": "TLS12"}}"#, "above max_version"),
        ];
        for (text, message) in cases {
            let error = serde_json::from_str::<ClientConfig>(text).unwrap().check().unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
        let good = r#"{"http_headers": {"X-A": {"values": ["a"]}}, "tls_config": {"min_version": "TLS10", "server_name": "x"}}"#;
        assert_eq!(serde_json::from_str::<ClientConfig>(good).unwrap().check(), Ok(()));
    }
}

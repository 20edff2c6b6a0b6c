//! Signatures of AWS, version 4 ("AWS Signature Version 4 for API requests").

use super::send::FORM;
use chrono::{DateTime, Utc};
use gantry_model::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::{Digest, Sha256};

/// Who signs, and for what.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    pub access_key: String,
    pub secret_key: String,
    /// Of credentials that were given for a time; empty otherwise.
    pub session_token: String,
    pub region: &'a str,
    pub service: &'a str,
}

impl Signer<'_> {
    /// The headers that a form needs to be taken from its sender.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn headers(&self, url: &str, form: &str, now: Timestamp) -> Result<Vec<(&'static str, String)>, String> {
        let url = Url::parse(url).map_err(|error| format!("the URL of the service is none: {error}"))?;
        let host = url.host_str().ok_or("the URL of the service has no host")?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let at = DateTime::<Utc>::from_timestamp_nanos(now.nanos()).format("%Y%m%dT%H%M%SZ").to_string();
        let mut signed = vec![("content-type", FORM.to_owned()), ("host", host), ("x-amz-date", at.clone())];
        if !self.session_token.is_empty() {
            signed.push(("x-amz-security-token", self.session_token.clone()));
        }
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let query = url.query().unwrap_or_default();
        let request = format!("POST\n{}\n{query}\n{lines}\n{names}\n{}", url.path(), hash(form));
        let scope = format!("{}/{}/{}/aws4_request", &at[..8], self.region, self.service);
        let signature = self.signature(&scope, &format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hash(&request)))?;
        let credential = format!("Credential={}/{scope}", self.access_key);
        let value = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}");
        let sent = signed.into_iter().filter(|(name, _)| name.starts_with("x-amz-"));
        Ok(sent.chain([("authorization", value)]).collect())
    }

    /// The key is derived from all parts of the scope, one after the other.
    fn signature(&self, scope: &str, text: &str) -> Result<String, String> {
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in scope.split('/').chain([text]) {
            key = hmac(&key, part)?;
        }
        Ok(hex(&key))
    }
}

fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Mail: a message with a text and an HTML part (RFC 5322, RFC 2045 to 2047).

use super::Failure;
use super::smtp::{self, Account, Envelope, Security};
use super::way::Subject;
use crate::config::{Email, reveal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

const SUBJECT: &str = r#"{{ template "email.default.subject" . }}"#;
/// Characters of a line of base64.
const LINE: usize = 76;

pub async fn send(one: &Email, subject: &Subject<'_>) -> Result<(), Failure> {
    let message = message(one, subject).map_err(Failure::lasting)?;
    let to = subject.text(&one.to).map_err(Failure::lasting)?;
    let from = subject.text(&one.from).map_err(Failure::lasting)?;
    let password = reveal(one.auth_password.as_ref(), one.auth_password_file.as_deref()).map_err(Failure::passing)?;
    let (host, port) = one.smarthost.rsplit_once(':').ok_or_else(|| Failure::lasting("smarthost has no port"))?;
    let envelope = Envelope { from: address(&from), to: to.split(',').map(address).collect(), message: &message };
    let secret = reveal(one.auth_secret.as_ref(), one.auth_secret_file.as_deref()).map_err(Failure::passing)?;
    let identity = one.auth_identity.as_str();
    let account = Account { user: &one.auth_username, password: &password, secret: &secret, identity };
    let security = match (one.force_implicit_tls.unwrap_or(port == "465"), one.require_tls.unwrap_or(true)) {
        (true, _) => Security::Always,
        (_, true) => Security::Required,
        (_, false) => Security::Offered,
    };
    let tls = one.tls_config.clone().unwrap_or_default();
    smtp::send((host, port), &one.hello, security, &tls, &account, &envelope).await
}

/// The part between angle brackets, or all of it.
fn address(text: &str) -> String {
    let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(inner, _)| inner);
    // What would end a line of the protocol has no place in an address.
    inner.trim().chars().filter(|c| !c.is_control() && *c != '<' && *c != '>').collect()
}

/// # Errors
/// When a template fails.
pub fn message(one: &Email, subject: &Subject<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut header = |name: &str, value: &str| out.push_str(&format!("{name}: {}\r\n", encoded(value)));
    let own = |name: &str| one.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, text)| text);
    for (name, default) in [("From", one.from.as_str()), ("To", &one.to), ("Subject", SUBJECT)] {
        header(name, &subject.text(own(name).map_or(default, String::as_str))?);
    }
    let usual = |name: &str| ["from", "to", "subject"].contains(&name.to_lowercase().as_str());
    for (name, text) in one.headers.iter().filter(|(name, _)| !usual(name)) {
        if name.chars().all(|c| c.is_ascii_graphic() && c != ':') {
            header(name, &subject.text(text)?);
        }
    }
    let alias = subject.alias();
    let at = DateTime::<Utc>::from_timestamp_nanos(subject.now.nanos());
    let host = one.hello.as_str();
    header("Date", &at.to_rfc2822());
    header("Message-Id", &format!("<{}.{}@{host}>", subject.now.nanos(), &alias[..16]));
    header("In-Reply-To", &format!("<{}@{host}>", &alias[..32]));
    header("MIME-Version", "1.0");
    let boundary = format!("gantry-{}", &alias[..24]);
    header("Content-Type", &format!("multipart/alternative; boundary={boundary}"));
    out.push_str("\r\n");
    let html = one.html.as_deref().unwrap_or_default();
    // The better part comes last.
    let parts = [("plain", subject.text(&one.text)?), ("html", subject.html(html)?)];
    for (kind, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        out.push_str(&format!("--{boundary}\r\nContent-Type: text/{kind}; charset=UTF-8\r\n"));
        out.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
        let coded = STANDARD.encode(text);
        for line in coded.as_bytes().chunks(LINE) {
            out.extend(line.iter().map(|byte| char::from(*byte)));
            out.push_str("\r\n");
        }
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    Ok(out)
}

/// A header's value on one line; what is not ASCII is coded in words of base64.
fn encoded(value: &str) -> String {
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.is_ascii() {
        return value.trim().to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in value.trim().chars() {
        if word.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let coded = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    coded.collect::<Vec<_>>().join("\r\n ")
}

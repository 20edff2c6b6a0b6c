//! Robots in the rooms of DingTalk, Feishu (Lark) and WeCom, which sign what they say where a secret is set.
//!
//! Facts: open.dingtalk.com "Custom robot security settings", open.feishu.cn "Custom bot usage guide",
//! developer.work.weixin.qq.com "Group robot configuration".

use super::chat::{cut, cut_bytes};
use super::way::{Refusal, Request, Subject};
use crate::config::{DingTalk, FeiShu, WeCom, reveal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_model::Timestamp;
use gantry_template::url_query;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

/// Most bytes of a message of WeCom, and about of DingTalk and Feishu, which take 20 and 30 thousand.
const WECOM_TEXT: usize = 4096;
const LONG_TEXT: usize = 18_000;

fn hmac(key: &[u8], text: &[u8]) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text);
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

/// The key is the secret, the text is the time in milliseconds, a line break and the secret.
pub fn dingtalk_signature(secret: &str, now: Timestamp) -> Result<(i64, String), String> {
    let millis = now.nanos().div_euclid(1_000_000);
    Ok((millis, hmac(secret.as_bytes(), format!("{millis}\n{secret}").as_bytes())?))
}

/// The key is the time in seconds, a line break and the secret; the text is empty.
pub fn feishu_signature(secret: &str, now: Timestamp) -> Result<(i64, String), String> {
    let seconds = now.nanos().div_euclid(1_000_000_000);
    Ok((seconds, hmac(format!("{seconds}\n{secret}").as_bytes(), b"")?))
}

pub fn dingtalk(one: &DingTalk, subject: &Subject<'_>) -> Result<Request, String> {
    let mut url = reveal(one.url.as_ref(), one.url_file.as_deref())?;
    let secret = reveal(one.secret.as_ref(), one.secret_file.as_deref())?;
    if !secret.is_empty() {
        let (millis, sign) = dingtalk_signature(&secret, subject.now)?;
        let sep = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{sep}timestamp={millis}&sign={}", url_query(&sign));
    }
    let mut text = cut_bytes(subject.text(&one.text)?, LONG_TEXT);
    for mobile in &one.at_mobiles {
        text.push_str(&format!(" @{mobile}"));
    }
    let body = json!({
        "msgtype": "markdown",
        "markdown": { "title": cut(subject.text(&one.title)?, 200), "text": text },
        "at": { "atMobiles": one.at_mobiles, "isAtAll": one.at_all },
    });
    Ok(Request::post(url, body).refused_by(Refusal::Code("errcode")))
}

pub fn feishu(one: &FeiShu, subject: &Subject<'_>) -> Result<Request, String> {
    let url = reveal(one.url.as_ref(), one.url_file.as_deref())?;
    let secret = reveal(one.secret.as_ref(), one.secret_file.as_deref())?;
    let color = if subject.data.is_firing() { "red" } else { "green" };
    let mut body = json!({
        "msg_type": "interactive",
        "card": {
            "header": {
                "title": { "tag": "plain_text", "content": cut(subject.text(&one.title)?, 200) },
                "template": color,
            },
            "elements": [{ "tag": "markdown", "content": cut_bytes(subject.text(&one.text)?, LONG_TEXT) }],
        },
    });
    if !secret.is_empty() {
        let (seconds, sign) = feishu_signature(&secret, subject.now)?;
        body["timestamp"] = json!(seconds.to_string());
        body["sign"] = json!(sign);
    }
    Ok(Request::post(url, body).refused_by(Refusal::Code("code")))
}

pub fn wecom(one: &WeCom, subject: &Subject<'_>) -> Result<Request, String> {
    let url = reveal(one.url.as_ref(), one.url_file.as_deref())?;
    let text = cut_bytes(subject.text(&one.text)?, WECOM_TEXT);
    let body = json!({ "msgtype": "markdown", "markdown": { "content": text } });
    Ok(Request::post(url, body).refused_by(Refusal::Code("errcode")))
}

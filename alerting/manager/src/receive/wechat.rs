//! An application of WeCom: a token first, then the message.

use super::way::{Refusal, Request, Subject};
use crate::config::{WeChat, reveal};
use gantry_template::url_query;
use serde_json::{Value, json};

/// Where the token is to be had.
pub fn token_url(one: &WeChat) -> Result<String, String> {
    let secret = reveal(one.api_secret.as_ref(), one.api_secret_file.as_deref())?;
    let base = one.api_url.trim_end_matches('/');
    Ok(format!("{base}/gettoken?corpid={}&corpsecret={}", url_query(&one.corp_id), url_query(&secret)))
}

/// What was answered there.
pub fn token(answer: &Value) -> Option<&str> {
    answer["access_token"].as_str().filter(|token| !token.is_empty())
}

pub fn message(one: &WeChat, subject: &Subject<'_>, token: &str) -> Result<Request, String> {
    let base = one.api_url.trim_end_matches('/');
    let kind = one.message_type.as_str();
    let mut body = json!({
        "touser": subject.text(&one.to_user)?,
        "toparty": subject.text(&one.to_party)?,
        "totag": subject.text(&one.to_tag)?,
        "agentid": subject.text(&one.agent_id)?,
        "msgtype": kind,
        "safe": "0",
    });
    body[kind] = json!({ "content": subject.text(&one.message)? });
    let url = format!("{base}/message/send?access_token={}", url_query(token));
    Ok(Request::post(url, body).refused_by(Refusal::Code("errcode")))
}

//! Rooms where people talk: Slack, Telegram, Discord, Microsoft Teams.

use super::way::{Refusal, Request, Subject};
use crate::config::{Discord, MsTeams, Slack, SlackConfirm, Telegram, reveal};
use serde_json::{Map, Value, json};

/// Most characters of a title of Slack, of a message of Telegram, and of title and text of Discord.
const SLACK_TITLE: usize = 1024;
const TELEGRAM_MESSAGE: usize = 4096;
const DISCORD_TITLE: usize = 256;
const DISCORD_TEXT: usize = 4096;
const DISCORD_CONTENT: usize = 2000;

/// A text of at most so many characters; what was cut ends with an ellipsis.
pub fn cut(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A text of at most so many bytes; what was cut ends with an ellipsis.
pub fn cut_bytes(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    format!("{}…", &text[..text.floor_char_boundary(most - '…'.len_utf8())])
}

/// Where there is something to say.
pub fn put(map: &mut Map<String, Value>, name: &str, text: String) {
    if !text.is_empty() {
        map.insert(name.to_owned(), Value::String(text));
    }
}

pub fn slack_templates(one: &Slack) -> Vec<(&str, &str)> {
    let fields = one.fields.iter().flat_map(|field| [("fields: title", &field.title), ("fields: value", &field.value)]);
    let actions = one.actions.iter().flat_map(|action| {
        [("actions: text", &action.text), ("actions: url", &action.url), ("actions: style", &action.style)]
            .into_iter()
            .chain([
                ("actions: type", &action.kind),
                ("actions: name", &action.name),
                ("actions: value", &action.value),
            ])
            .chain(action.confirm.iter().flat_map(SlackConfirm::texts).map(|(_, text)| ("actions: confirm", text)))
    });
    let own = [
        ("title", &one.title),
        ("title_link", &one.title_link),
        ("pretext", &one.pretext),
        ("text", &one.text),
        ("fallback", &one.fallback),
        ("callback_id", &one.callback_id),
        ("image_url", &one.image_url),
        ("thumb_url", &one.thumb_url),
        ("footer", &one.footer),
        ("color", &one.color),
    ];
    let around = [
        ("channel", &one.channel),
        ("username", &one.username),
        ("icon_emoji", &one.icon_emoji),
        ("icon_url", &one.icon_url),
        ("message_text", &one.message_text),
    ];
    own.into_iter().chain(around).chain(fields).chain(actions).map(|(name, text)| (name, text.as_str())).collect()
}

pub fn slack(one: &Slack, subject: &Subject<'_>) -> Result<Request, String> {
    let mut attachment = Map::new();
    let mut message = Map::new();
    let around = ["channel", "username", "icon_emoji", "icon_url"];
    for (name, text) in slack_templates(one).into_iter().filter(|(name, _)| !name.contains(':')) {
        let text = subject.text(text)?;
        match name {
            "title" => put(&mut attachment, name, cut(text, SLACK_TITLE)),
            "message_text" => put(&mut message, "text", text),
            _ if around.contains(&name) => put(&mut message, name, text),
            _ => put(&mut attachment, name, text),
        }
    }
    for always in ["fallback", "callback_id", "footer"] {
        attachment.entry(always).or_insert_with(|| json!(""));
    }
    let marked = if one.mrkdwn_in.is_empty() { json!(["fallback", "pretext", "text"]) } else { json!(one.mrkdwn_in) };
    attachment.insert("mrkdwn_in".to_owned(), marked);
    let mut fields = Vec::new();
    for field in &one.fields {
        let short = field.short.unwrap_or(one.short_fields);
        fields.push(
            json!({ "title": subject.text(&field.title)?, "value": subject.text(&field.value)?, "short": short }),
        );
    }
    let mut actions = Vec::new();
    for action in &one.actions {
        let mut shown = Map::new();
        // A link needs no name, no value and no question.
        let acts = action.url.is_empty();
        for (name, text) in [
            ("type", &action.kind),
            ("text", &action.text),
            ("url", &action.url),
            ("style", &action.style),
            ("name", &action.name),
            ("value", &action.value),
        ] {
            if acts || !["name", "value"].contains(&name) {
                put(&mut shown, name, subject.text(text)?);
            }
        }
        if let Some(confirm) = action.confirm.as_ref().filter(|_| acts) {
            let mut asked = Map::new();
            for (name, text) in confirm.texts() {
                put(&mut asked, name, subject.text(text)?);
            }
            shown.insert("confirm".to_owned(), Value::Object(asked));
        }
        actions.push(Value::Object(shown));
    }
    for (name, list) in [("fields", fields), ("actions", actions)] {
        if !list.is_empty() {
            attachment.insert(name.to_owned(), Value::Array(list));
        }
    }
    if one.link_names {
        message.insert("link_names".to_owned(), json!(true));
    }
    message.insert("attachments".to_owned(), json!([attachment]));
    if one.app_token.is_some() || one.app_token_file.is_some() {
        let token = reveal(one.app_token.as_ref(), one.app_token_file.as_deref())?;
        let request = Request::post(&one.app_url, Value::Object(message)).refused_by(Refusal::Unless("ok"));
        let mut request = request.within(one.timeout);
        request.headers.push(("authorization", format!("Bearer {token}")));
        return Ok(request);
    }
    let url = reveal(one.api_url.as_ref(), one.api_url_file.as_deref())?;
    Ok(Request::post(url, Value::Object(message)).within(one.timeout))
}

fn chat_id(one: &Telegram) -> Result<i64, String> {
    let Some(file) = &one.chat_id_file else { return Ok(one.chat_id) };
    let text = reveal(None, Some(file))?;
    text.parse().map_err(|_| format!("{}: {text:?} is no chat_id", file.display()))
}

pub fn telegram(one: &Telegram, subject: &Subject<'_>) -> Result<Request, String> {
    let text = match one.parse_mode.as_str() {
        "HTML" => subject.html(&one.message)?,
        _ => subject.text(&one.message)?,
    };
    let mut body = json!({
        "chat_id": chat_id(one)?,
        "text": cut(text, TELEGRAM_MESSAGE),
        "disable_web_page_preview": true,
        "disable_notification": one.disable_notifications,
    });
    if !one.parse_mode.is_empty() {
        body["parse_mode"] = json!(one.parse_mode);
    }
    if one.message_thread_id != 0 {
        body["message_thread_id"] = json!(one.message_thread_id);
    }
    let token = reveal(one.bot_token.as_ref(), one.bot_token_file.as_deref())?;
    let url = format!("{}/bot{token}/sendMessage", one.api_url.trim_end_matches('/'));
    Ok(Request::post(url, body).refused_by(Refusal::Unless("ok")))
}

pub fn discord(one: &Discord, subject: &Subject<'_>) -> Result<Request, String> {
    const RED: u32 = 0x99_2D_22;
    const GREEN: u32 = 0x2E_CC_71;
    let mut body = json!({
        "content": cut(subject.text(&one.content)?, DISCORD_CONTENT),
        "embeds": [{
            "title": cut(subject.text(&one.title)?, DISCORD_TITLE),
            "description": cut(subject.text(&one.message)?, DISCORD_TEXT),
            "color": if subject.data.is_firing() { RED } else { GREEN },
        }],
    });
    for (name, text) in [("username", &one.username), ("avatar_url", &one.avatar_url)] {
        if !text.is_empty() {
            body[name] = json!(subject.text(text)?);
        }
    }
    Ok(Request::post(reveal(one.webhook_url.as_ref(), one.webhook_url_file.as_deref())?, body))
}

/// By a connector.
pub fn teams(one: &MsTeams, subject: &Subject<'_>) -> Result<Request, String> {
    let color = if subject.data.is_firing() { "8C1A1A" } else { "2DC72D" };
    let body = json!({
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        "title": subject.text(&one.title)?,
        "summary": subject.text(&one.summary)?,
        "text": subject.text(&one.text)?,
        "themeColor": color,
    });
    Ok(Request::post(reveal(one.webhook_url.as_ref(), one.webhook_url_file.as_deref())?, body))
}

/// By a workflow: an adaptive card.
pub fn teams_workflow(one: &MsTeams, subject: &Subject<'_>) -> Result<Request, String> {
    let color = if subject.data.is_firing() { "Attention" } else { "Good" };
    let block = |text: String| json!({ "type": "TextBlock", "text": text, "wrap": true });
    let mut title = block(subject.text(&one.title)?);
    title["weight"] = json!("Bolder");
    title["size"] = json!("Medium");
    title["style"] = json!("heading");
    title["color"] = json!(color);
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [title, block(subject.text(&one.text)?)],
        "msteams": { "width": "full" },
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    let body = json!({ "type": "message", "attachments": [attachment] });
    Ok(Request::post(reveal(one.webhook_url.as_ref(), one.webhook_url_file.as_deref())?, body))
}

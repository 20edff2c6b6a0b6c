//! Further rooms where people talk: Webex, Rocket.Chat, Mattermost.

use super::chat::{cut, cut_bytes, put};
use super::way::{Refusal, Request, Subject, below, is_url};
use crate::config::{Mattermost, MattermostAttachment, RocketChat, SlackField, Webex, reveal};
use serde_json::{Map, Value, json};

/// Most bytes of a message of Webex, and most characters of a title of Rocket.Chat and of a text of Mattermost.
const WEBEX_MESSAGE: usize = 7439;
const ROCKETCHAT_TITLE: usize = 1024;
const MATTERMOST_TEXT: usize = 16_383;

pub fn webex_problems(one: &Webex, need: &mut impl FnMut(bool, &str)) {
    need(!one.room_id.is_empty(), "missing room_id on webex_config");
    need(is_url(&one.api_url), "the api_url must begin with http:// or https://");
}

pub fn webex(one: &Webex, subject: &Subject<'_>) -> Result<Request, String> {
    let mut body = Map::new();
    let markdown = cut_bytes(subject.text(&one.message)?, WEBEX_MESSAGE);
    body.insert("markdown".to_owned(), Value::String(markdown));
    put(&mut body, "roomId", subject.text(&one.room_id)?);
    Ok(Request::post(one.api_url.clone(), Value::Object(body)))
}

pub fn rocketchat_templates(one: &RocketChat) -> Vec<(&str, &str)> {
    let own = [
        ("channel", &one.channel),
        ("emoji", &one.emoji),
        ("avatar", &one.icon_url),
        ("title", &one.title),
        ("title_link", &one.title_link),
        ("text", &one.text),
        ("image_url", &one.image_url),
        ("thumb_url", &one.thumb_url),
        ("color", &one.color),
    ];
    let actions = one.actions.iter().flat_map(|action| {
        [("actions: text", &action.text), ("actions: url", &action.url), ("actions: msg", &action.msg)]
    });
    let own = own.into_iter().chain(actions).map(|(name, text)| (name, text.as_str()));
    own.chain(field_templates(&one.fields)).collect()
}

fn field_templates(fields: &[SlackField]) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().flat_map(|field| [("fields: title", field.title.as_str()), ("fields: value", field.value.as_str())])
}

pub fn rocketchat_problems(one: &RocketChat, need: &mut impl FnMut(bool, &str)) {
    need(is_url(&one.api_url), "the api_url must begin with http:// or https://");
    let pairs = [
        ("token_id", "TokenID", one.token_id.is_some(), one.token_id_file.is_some()),
        ("token", "Token", one.token.is_some(), one.token_file.is_some()),
    ];
    for (name, title, given, file) in pairs {
        need(!(given && file), &format!("at most one of {name} & {name}_file must be configured"));
        need(given || file, &format!("no global Rocketchat {title} set either inline or in a file"));
    }
}

pub fn rocketchat(one: &RocketChat, subject: &Subject<'_>) -> Result<Request, String> {
    let (mut message, mut attachment) = (Map::new(), Map::new());
    for (name, text) in rocketchat_templates(one).into_iter().filter(|(name, _)| !name.contains(':')) {
        let text = subject.text(text)?;
        match name {
            "channel" | "emoji" | "avatar" => put(&mut message, name, text),
            "title" => put(&mut attachment, name, cut(text, ROCKETCHAT_TITLE)),
            _ => put(&mut attachment, name, text),
        }
    }
    let short = |field: &SlackField| Some(field.short.unwrap_or(one.short_fields));
    put_list(&mut attachment, "fields", fields(&one.fields, subject, short)?);
    let mut actions = Vec::new();
    for action in &one.actions {
        let mut shown = Map::new();
        put(&mut shown, "type", "button".to_owned());
        for (name, text) in [("text", &action.text), ("url", &action.url), ("msg", &action.msg)] {
            put(&mut shown, name, subject.text(text)?);
        }
        shown.insert("is_webview".to_owned(), json!(false));
        shown.insert("msg_in_chat_window".to_owned(), json!(false));
        actions.push(Value::Object(shown));
    }
    put_list(&mut attachment, "actions", actions);
    message.insert("attachments".to_owned(), json!([attachment]));
    let url = below(&one.api_url, "api/v1/chat.postMessage")?;
    let mut request = Request::post(url, Value::Object(message)).refused_by(Refusal::Unless("success"));
    let token = reveal(one.token.as_ref(), one.token_file.as_deref())?;
    let id = reveal(one.token_id.as_ref(), one.token_id_file.as_deref())?;
    request.headers = vec![("x-auth-token", token), ("x-user-id", id)];
    Ok(request)
}

fn put_list(map: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        map.insert(name.to_owned(), Value::Array(list));
    }
}

fn fields(
    all: &[SlackField],
    subject: &Subject<'_>,
    short: impl Fn(&SlackField) -> Option<bool>,
) -> Result<Vec<Value>, String> {
    let mut shown = Vec::new();
    for field in all {
        let mut one = Map::new();
        put(&mut one, "title", subject.text(&field.title)?);
        put(&mut one, "value", subject.text(&field.value)?);
        if let Some(short) = short(field) {
            one.insert("short".to_owned(), json!(short));
        }
        shown.push(Value::Object(one));
    }
    Ok(shown)
}

pub fn mattermost_templates(one: &Mattermost) -> Vec<(&str, &str)> {
    let around = [
        ("channel", &one.channel),
        ("username", &one.username),
        ("icon_url", &one.icon_url),
        ("icon_emoji", &one.icon_emoji),
        ("type", &one.kind),
        ("fallback", &one.fallback),
        ("color", &one.color),
        ("pretext", &one.pretext),
        ("text", &one.text),
        ("author_name", &one.author_name),
        ("author_link", &one.author_link),
        ("author_icon", &one.author_icon),
        ("title", &one.title),
        ("title_link", &one.title_link),
        ("thumb_url", &one.thumb_url),
        ("footer", &one.footer),
        ("footer_icon", &one.footer_icon),
        ("image_url", &one.image_url),
    ];
    let others = one.attachments.iter().flat_map(MattermostAttachment::texts);
    let card = one.props.iter().map(|props| ("props: card", &props.card));
    let priority = one.priority.iter().map(|priority| ("priority", &priority.priority));
    let texts = around.into_iter().chain(others).chain(card).chain(priority).map(|(name, text)| (name, text.as_str()));
    texts.chain(mattermost_fields(one).flat_map(field_templates)).collect()
}

fn mattermost_fields(one: &Mattermost) -> impl Iterator<Item = &[SlackField]> {
    std::iter::once(one.fields.as_slice()).chain(one.attachments.iter().map(|part| part.fields.as_slice()))
}

pub fn mattermost_problems(one: &Mattermost, need: &mut impl FnMut(bool, &str)) {
    let (url, file) = (one.webhook_url.is_some(), one.webhook_url_file.is_some());
    need(url || file, "missing webhook_url or webhook_url_file on mattermost_config");
    need(!(url && file), "at most one of webhook_url & webhook_url_file must be configured");
    for field in mattermost_fields(one).flatten() {
        need(!field.title.is_empty(), "missing title in Mattermost field configuration");
        need(!field.value.is_empty(), "missing value in Mattermost field configuration");
    }
}

pub fn mattermost(one: &Mattermost, subject: &Subject<'_>) -> Result<Request, String> {
    let mut message = Map::new();
    for (name, text) in [
        ("channel", &one.channel),
        ("username", &one.username),
        ("icon_url", &one.icon_url),
        ("icon_emoji", &one.icon_emoji),
        ("type", &one.kind),
    ] {
        put(&mut message, name, subject.text(text)?);
    }
    let parts = if one.attachments.is_empty() {
        vec![attachment(&one.own(), subject)?]
    } else {
        put(&mut message, "text", cut(subject.text(&one.text)?, MATTERMOST_TEXT));
        one.attachments.iter().map(|part| attachment(part, subject)).collect::<Result<_, _>>()?
    };
    put_list(&mut message, "attachments", parts);
    if let Some(props) = one.props.as_ref().filter(|props| !props.card.is_empty()) {
        message.insert("props".to_owned(), json!({ "card": subject.text(&props.card)? }));
    }
    if let Some(priority) = one.priority.as_ref().filter(|priority| !priority.priority.is_empty()) {
        let name = subject.text(&priority.priority)?.to_lowercase();
        let name = if ["urgent", "important"].contains(&name.as_str()) { name } else { "standard".to_owned() };
        let mut shown = Map::from_iter([("priority".to_owned(), json!(name))]);
        // What is usual need not be acknowledged, and only what is urgent is repeated.
        let flags = [
            ("requested_ack", priority.requested_ack && name != "standard"),
            ("persistent_notifications", priority.persistent_notifications && name == "urgent"),
        ];
        shown.extend(flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| (flag.to_owned(), json!(true))));
        message.insert("priority".to_owned(), Value::Object(shown));
    }
    let url = reveal(one.webhook_url.as_ref(), one.webhook_url_file.as_deref())?;
    Ok(Request::post(url, Value::Object(message)))
}

fn attachment(one: &MattermostAttachment, subject: &Subject<'_>) -> Result<Value, String> {
    let mut shown = Map::new();
    for (name, text) in one.texts() {
        put(&mut shown, name, cut(subject.text(text)?, MATTERMOST_TEXT));
    }
    put_list(&mut shown, "fields", fields(&one.fields, subject, |field| field.short)?);
    Ok(Value::Object(shown))
}

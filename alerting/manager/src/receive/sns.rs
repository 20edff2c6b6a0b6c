//! Amazon SNS: one message to a topic, a phone or an endpoint (its API reference, "Publish").

use super::sigv4::Signer;
use super::way::{Request, Subject, form};
use crate::config::Sns;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most bytes of a message, and of one to a phone.
const MESSAGE: usize = 256 * 1024;
const PHONE_MESSAGE: usize = 1600;

pub fn templates(one: &Sns) -> Vec<(&str, &str)> {
    let own = [
        ("api_url", one.api_url.as_str()),
        ("topic_arn", &one.topic_arn),
        ("phone_number", &one.phone_number),
        ("target_arn", &one.target_arn),
        ("subject", &one.subject),
        ("message", &one.message),
    ];
    let attributes = one.attributes.iter().flat_map(|(name, text)| [("attributes", name), ("attributes", text)]);
    own.into_iter().chain(attributes.map(|(name, text)| (name, text.as_str()))).collect()
}

pub fn problems(one: &Sns, need: &mut impl FnMut(bool, &str)) {
    let targets = [&one.target_arn, &one.topic_arn, &one.phone_number].into_iter().filter(|to| !to.is_empty()).count();
    need(targets == 1, "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    let keys = &one.sigv4;
    need(
        keys.access_key.is_empty() == keys.secret_key.is_empty(),
        "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config",
    );
    for (name, unset) in [
        ("profile", keys.profile.is_empty()),
        ("role_arn", keys.role_arn.is_empty()),
        ("external_id", keys.external_id.is_empty()),
        ("use_fips_sts_endpoint", !keys.use_fips_sts_endpoint),
    ] {
        let instead =
            "set access_key and secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment";
        need(unset, &format!("sigv4.{name} is not supported: {instead}"));
    }
}

/// `environment`: the variables of the process.
pub fn publish(
    one: &Sns,
    subject: &Subject<'_>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Request, String> {
    let body = form(&fields(one, subject)?);
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let region = Some(one.sigv4.region.clone()).filter(|region| !region.is_empty());
    let region = region.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = region.ok_or("region not configured in sns.sigv4.region or in AWS_REGION")?;
    let url = match subject.text(&one.api_url)? {
        url if url.is_empty() => endpoint(&region),
        url => url,
    };
    let secret = |name: &str| variable(name).ok_or_else(|| format!("neither sigv4.access_key nor {name} is set"));
    let given = !one.sigv4.access_key.is_empty();
    let signer = Signer {
        access_key: if given { one.sigv4.access_key.clone() } else { secret("AWS_ACCESS_KEY_ID")? },
        secret_key: match given {
            true => one.sigv4.secret_key.reveal().to_owned(),
            false => secret("AWS_SECRET_ACCESS_KEY")?,
        },
        session_token: if given { None } else { variable("AWS_SESSION_TOKEN") }.unwrap_or_default(),
        region: &region,
        service: "sns",
    };
    let headers = signer.headers(&url, &body, subject.now)?;
    Ok(Request { headers, ..Request::post(url, Value::String(body)) })
}

fn endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sns.{region}.{domain}/")
}

fn fields(one: &Sns, subject: &Subject<'_>) -> Result<Vec<(String, String)>, String> {
    let mut all = vec![("Action".to_owned(), "Publish".to_owned()), ("Version".to_owned(), "2010-03-31".to_owned())];
    let targets = [
        ("TopicArn", &one.topic_arn),
        ("PhoneNumber", &one.phone_number),
        ("TargetArn", &one.target_arn),
        ("Subject", &one.subject),
    ];
    for (name, text) in targets.into_iter().filter(|(_, text)| !text.is_empty()) {
        let text = subject.text(text)?;
        if name == "TopicArn" && text.ends_with(".fifo") {
            all.push(("MessageDeduplicationId".to_owned(), subject.alias()));
            all.push(("MessageGroupId".to_owned(), subject.alias()));
        }
        all.push((name.to_owned(), text));
    }
    let mut attributes = BTreeMap::new();
    for (name, text) in &one.attributes {
        attributes.insert(subject.text(name)?, subject.text(text)?);
    }
    let mut message = subject.text(&one.message)?;
    let most = if one.phone_number.is_empty() { MESSAGE } else { PHONE_MESSAGE };
    if message.len() > most {
        message.truncate(message.floor_char_boundary(most));
        attributes.insert("truncated".to_owned(), "true".to_owned());
    }
    all.push(("Message".to_owned(), message));
    for (at, (name, value)) in attributes.into_iter().enumerate() {
        let place = format!("MessageAttributes.entry.{}", at + 1);
        all.push((format!("{place}.Name"), name));
        all.push((format!("{place}.Value.DataType"), "String".to_owned()));
        all.push((format!("{place}.Value.StringValue"), value));
    }
    Ok(all)
}

//! Amazon SNS: what is published, and who signs it.

use super::*;
use crate::receive::sigv4::Signer;
use crate::receive::sns::publish;

/// Of AWS' examples.
const KEYS: &str = "access_key: AKIDEXAMPLE, secret_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ALIAS: &str = "b83c594432c03049abbd84423e148650c945963f4234ca179eb5d7f6305c1883";

fn published(yaml: &str, variables: &[(&str, &str)]) -> Result<Request, String> {
    let all = ways(&format!("sns_configs: [{{{yaml}}}]"))?;
    let Way::Sns(one) = &all[0] else { panic!() };
    let variables = texts(variables);
    with_subject("firing", |subject| publish(one, subject, |name| variables.get(name).cloned()))
}

fn fields(request: &Request) -> BTreeMap<String, String> {
    let form = request.body.as_str().unwrap();
    reqwest::Url::parse(&format!("http://x?{form}")).unwrap().query_pairs().into_owned().collect()
}

/// `post-x-www-form-urlencoded` of AWS' test suite for version 4.
#[test]
fn a_form_is_signed_as_aws_signs_it() {
    let at = Timestamp(1_440_938_160_000_000_000);
    let mut signer = Signer {
        access_key: "AKIDEXAMPLE".into(),
        secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        session_token: String::new(),
        region: "us-east-1",
        service: "service",
    };
    let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                    SignedHeaders=content-type;host;x-amz-date, \
                    Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    let headers = signer.headers("https://example.amazonaws.com/", "Param1=value1", at).unwrap();
    let expected = [("x-amz-date", "20150830T123600Z".to_owned()), ("authorization", expected.to_owned())];
    assert_eq!(headers, expected);
    signer.session_token = "for a time".into();
    let headers = signer.headers("http://localhost:4566/", "", at).unwrap();
    assert_eq!(headers[1], ("x-amz-security-token", "for a time".to_owned()));
    assert!(headers[2].1.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"), "{headers:?}");
}

#[test]
fn a_topic_gets_subject_message_and_attributes() {
    let yaml = format!(
        "topic_arn: 'arn:{{{{ .CommonLabels.job }}}}', sigv4: {{region: eu-central-1, {KEYS}}}, attributes: {{job: '{{{{ .CommonLabels.job }}}}'}}"
    );
    let request = published(&yaml, &[]).unwrap();
    assert_eq!(request.url, "https://sns.eu-central-1.amazonaws.com/");
    let listed =
        "Labels:\n - alertname = Disk <full>\n - job = db\nAnnotations:\n - summary = 95 %\nSource: http://g/\n";
    let message = format!("95 %\n\nAlerts Firing:\n{listed}\n\n\n");
    let expected = texts(&[
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("TopicArn", "arn:db"),
        ("Subject", "[FIRING:1] Disk <full> (db)"),
        ("Message", &message),
        ("MessageAttributes.entry.1.Name", "job"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "db"),
    ]);
    assert_eq!(fields(&request), expected);
    assert!(request.headers[1].1.contains("/eu-central-1/sns/aws4_request"), "{:?}", request.headers);
    let china = published(&format!("topic_arn: a, sigv4: {{region: cn-north-1, {KEYS}}}"), &[]).unwrap();
    assert_eq!(china.url, "https://sns.cn-north-1.amazonaws.com.cn/");
}

#[test]
fn a_topic_that_keeps_the_order_gets_the_name_of_the_group() {
    let one =
        published(&format!("topic_arn: a.fifo, sigv4: {{region: r, {KEYS}}}, api_url: 'http://own/'"), &[]).unwrap();
    let fields = fields(&one);
    assert_eq!((one.url.as_str(), fields["MessageGroupId"].as_str()), ("http://own/", ALIAS));
    assert_eq!(fields["MessageDeduplicationId"], ALIAS);
}

#[test]
fn a_phone_gets_short_messages() {
    let yaml =
        format!("phone_number: '+4930', subject: '', message: {}, sigv4: {{region: r, {KEYS}}}", "ä".repeat(900));
    let fields = fields(&published(&yaml, &[]).unwrap());
    assert_eq!((fields["PhoneNumber"].as_str(), fields["Message"].len()), ("+4930", 1600));
    assert_eq!(fields["MessageAttributes.entry.1.Name"], "truncated");
    assert!(!fields.contains_key("Subject"));
}

#[test]
fn credentials_and_region_may_come_from_the_environment() {
    let all =
        [("AWS_REGION", "r"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
    let one = published("target_arn: a", &all).unwrap();
    assert_eq!(
        (one.url.as_str(), &one.headers[1]),
        ("https://sns.r.amazonaws.com/", &("x-amz-security-token", "t".into()))
    );
    let own = published(&format!("target_arn: a, sigv4: {{{KEYS}}}"), &all).unwrap();
    assert_eq!(own.headers.len(), 2, "the token belongs to the other key");
    assert!(published("target_arn: a", &all[1..]).unwrap_err().contains("region not configured"));
    assert!(published("target_arn: a", &all[..2]).unwrap_err().contains("AWS_SECRET_ACCESS_KEY"));
}

#[test]
fn what_is_wrong_or_not_supported_is_said() {
    let targets = "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config";
    for (yaml, why) in [
        ("", targets),
        ("topic_arn: a, phone_number: b", targets),
        ("topic_arn: a, sigv4: {access_key: a}", "must provide a AWS SigV4 Access key and Secret Key"),
        ("topic_arn: a, sigv4: {profile: p}", "sigv4.profile is not supported"),
        ("topic_arn: a, sigv4: {role_arn: p}", "sigv4.role_arn is not supported"),
        ("topic_arn: a, message: '{{ nosuch }}'", "message: template"),
    ] {
        let told = published(yaml, &[]).unwrap_err();
        assert!(told.contains(why), "{yaml}: {told}");
    }
}

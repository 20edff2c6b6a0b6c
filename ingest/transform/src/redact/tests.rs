use super::*;
use crate::testing::event;
use std::collections::BTreeMap;

fn redactor(patterns: &[&str]) -> Redactor {
    let patterns = patterns.iter().map(|name| (*name).to_owned()).collect();
    Redactor::new(&RedactOptions { patterns, ..RedactOptions::default() }).unwrap()
}

fn all() -> Redactor {
    redactor(&patterns::names())
}

fn clean(redactor: &Redactor, body: &str) -> String {
    let mut event = event(body);
    redactor.apply(&mut event);
    event.body.into_owned()
}

#[test]
fn what_is_secret_or_personal_is_replaced() {
    for (body, expected) in [
        ("mail from ann.lee+x@mail.example.co.uk today", "mail from [email] today"),
        ("peer 192.168.0.17:443 closed", "peer [ipv4]:443 closed"),
        ("peer [2001:db8::8a2e:370:7334]:443", "peer [[ipv6]]:443"),
        ("from ::ffff:10.0.0.1", "from ::ffff:[ipv4]"),
        ("card 4111 1111 1111 1111 charged", "card [credit_card] charged"),
        ("card=5500-0055-5555-5559", "card=[credit_card]"),
        ("Authorization: Bearer abcDEF123._-~+/==", "Authorization: Bearer [bearer_token]"),
        (r#"{"api_key":"s3cr3t-value"}"#, r#"{"api_key":"[api_token]"}"#),
        ("password=hunter22&user=x", "password=[api_token]&user=x"),
        ("push with ghp_0123456789abcdefghijABCDEFGHIJ012345", "push with [api_token]"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [aws_key] used"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [aws_key]"),
        ("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_x", "t=[jwt]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----!", "[private_key]!"),
    ] {
        assert_eq!(clean(&all(), body), expected);
    }
}

#[test]
fn what_only_looks_like_it_stays() {
    for body in [
        "at 10:00:00 in std::collections::hash and a::b",
        "version 1.2.3.4.5 and 300.1.1.1",
        "order 4111 1111 1111 1112",
        "ts=1715680800123456789",
        "commit 3f2a@v2",
        "no secret here, token bucket",
    ] {
        assert_eq!(clean(&all(), body), body);
    }
}

#[test]
fn equal_secrets_have_equal_hashes_that_only_the_key_can_reproduce() {
    let with = |key: &str| {
        let options = RedactOptions {
            patterns: vec!["email".to_owned()],
            hash_key: Some(key.to_owned()),
            ..RedactOptions::default()
        };
        Redactor::new(&options).unwrap()
    };
    let one = clean(&with("0123456789abcdef"), "a@b.com a@b.com c@d.com");
    let words: Vec<_> = one.split(' ').collect();
    assert_eq!(words[0], words[1]);
    assert_ne!(words[0], words[2]);
    assert!(words[0].starts_with("[email:") && words[0].len() == "[email:0123456789abcdef]".len(), "{}", words[0]);
    assert_ne!(clean(&with("another key of 16"), "a@b.com"), words[0]);
}

#[test]
fn custom_patterns_replace_their_secret_group_in_metadata_too() {
    let options = RedactOptions {
        custom: BTreeMap::from([("order".to_owned(), r"order=(?P<secret>\d+)".to_owned())]),
        with: Some("<{name}>".to_owned()),
        ..RedactOptions::default()
    };
    let redactor = Redactor::new(&options).unwrap();
    let mut event = event("order=17 ok");
    event.metadata = Metadata::Encoded(r#"{"a":"order=18","b":"x"}"#);
    redactor.apply(&mut event);
    assert_eq!(event.body, "order=<order> ok");
    assert_eq!(event.metadata.get("a").unwrap(), "order=<order>");
    assert_eq!(event.metadata.get("b").unwrap(), "x");
}

#[test]
fn a_redaction_that_cannot_work_is_refused_with_what_to_do() {
    let message = |options: &RedactOptions| Redactor::new(options).unwrap_err().message;
    let default = RedactOptions::default();
    assert!(message(&default).contains("there are email, ipv4"));
    let options = RedactOptions { patterns: vec!["emial".to_owned()], ..default.clone() };
    assert!(message(&options).contains("no pattern \"emial\""));
    let options = RedactOptions { hash_key: Some("short".to_owned()), patterns: vec!["jwt".to_owned()], ..default };
    assert!(message(&options).contains("at least 16"));
    let custom = BTreeMap::from([("x".to_owned(), "a*".to_owned())]);
    assert!(message(&RedactOptions { custom, ..RedactOptions::default() }).contains("everywhere"));
}

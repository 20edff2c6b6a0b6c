//! Lines that are one wide, nested JSON object: what services write that log for machines.
//!
//! Every line has the same outer members (who, where, build, trace); the inner ones depend on what happened.

use super::Scene;
use crate::corpus::request::scatter;
use std::fmt::Write;

/// One line of a kind that is drawn: requests and events most often, calls, statements, records, failures.
pub fn write(scene: &mut Scene<'_>) -> String {
    match scene.rng.below(1000) {
        0..=299 => request(scene),
        300..=599 => event(scene),
        600..=759 => call(scene),
        760..=879 => statement(scene),
        880..=969 => record(scene),
        970..=984 => breaker(scene),
        _ => failure(scene),
    }
}

/// A line that says `word` within its message.
pub fn note(scene: &mut Scene<'_>, word: &str) -> String {
    let message = format!("switch {word} was turned after a manual review");
    let user = scene.request.user;
    outer(
        scene,
        "warn",
        ("ops", "Switch", 41),
        &message,
        &format!(r#","user":{{"id":"u-{user}","roles":["operator"]}}"#),
    )
}

const REGIONS: [&str; 3] = ["north-1", "south-2", "west-1"];
const TEAMS: [&str; 7] = ["storefront", "money", "people", "movement", "platform", "insight", "content"];
const TIERS: [&str; 4] = ["guest", "basic", "plus", "partner"];

/// The members that every line has, around `inner`, which begins with a comma.
fn outer(scene: &mut Scene<'_>, level: &str, site: (&str, &str, u64), message: &str, inner: &str) -> String {
    let ids = scene.trace(r#","trace":{"id":""#, r#""}"#) + &scene.span(r#","span":{"id":""#, r#""}"#);
    let place = scene.place();
    let (at, app, thread) = (scene.at.iso(), scene.app(), scene.rng.below(24));
    let (module, class, line) = site;
    let team = TEAMS[place.service % TEAMS.len()];
    let region = REGIONS[scatter(place.node.len() as u64 + place.service as u64) as usize % REGIONS.len()];
    let mut out = String::with_capacity(1024);
    // Writing to a string never fails.
    let _ = write!(
        out,
        r#"{{"@timestamp":"{at}","log":{{"level":"{level}","logger":"{module}.{class}","origin":{{"file":"{class}","line":{line}}}}},"message":"{message}","service":{{"name":"{app}","version":"{}","environment":"production","instance":"{}","team":"{team}"}},"host":{{"name":"{}","region":"{region}"}},"process":{{"pid":1,"thread":"worker-{thread}"}}{inner}{ids},"event":{{"sequence":{}}}}}"#,
        scene.words().build,
        place.pod,
        place.node,
        scene.count,
    );
    out
}

/// The visitor and the request, as a member each.
fn web(scene: &mut Scene<'_>) -> String {
    let (client, port) = (scene.client(), 32_768 + scene.rng.below(28_232));
    let it = scene.request;
    let tier = TIERS[(it.user % 7).min(3) as usize];
    format!(
        r#","http":{{"request":{{"method":"{}","id":"{:016x}"}},"response":{{"status_code":{},"body":{{"bytes":{}}}}}}},"url":{{"path":"{}","route":"{}"}},"client":{{"ip":"{client}","port":{port}}},"user":{{"id":"u-{}","tier":"{tier}"}},"user_agent":{{"original":"{}"}}"#,
        it.method,
        scatter(it.item ^ it.micros),
        it.status,
        it.bytes,
        it.path,
        it.route,
        it.user,
        it.agent,
    )
}

fn request(scene: &mut Scene<'_>) -> String {
    let took = scene.millis();
    let (level, message, line) = match scene.request.status {
        500.. => ("error", "request failed", 211),
        400.. => ("warn", "request refused", 187),
        _ => ("info", "request completed", 187),
    };
    let inner = web(scene) + &format!(r#","duration":{{"ms":{took:.2},"queue_ms":{:.2}}}"#, took / 40.0);
    outer(scene, level, ("http", "Server", line), message, &inner)
}

/// From one of the many places of the program, with its fields below `context`.
fn event(scene: &mut Scene<'_>) -> String {
    let site = scene.site(2);
    let (message, members) = (scene.fill(&site.text), scene.members(site));
    let (key, state) = (scene.words().keys.draw(scene.rng), scene.words().states.draw(scene.rng));
    let flags = ["b", "c", "d"][..scene.rng.index(4)].iter().map(|flag| format!(r#""flag-{flag}""#));
    let flags = flags.collect::<Vec<_>>().join(",");
    let user = scene.request.user;
    let inner = format!(
        r#","context":{{"object":{{"key":"{key}","state":"{state}"}},"flags":[{flags}]{members}}},"user":{{"id":"u-{user}"}}"#
    );
    outer(scene, site.level, (&site.module, &site.class, site.line), &message, &inner)
}

/// A call to another service.
fn call(scene: &mut Scene<'_>) -> String {
    let (upstream, took, attempt) = (scene.upstream(), scene.millis(), 1 + scene.rng.below(8) / 7);
    let peer = scene.words().peers.draw(scene.rng);
    let it = scene.request;
    let code = if it.status >= 500 { "unavailable" } else { "ok" };
    let inner = format!(
        r#","rpc":{{"system":"grpc","service":"{upstream}","method":"{}","code":"{code}","attempt":{attempt}}},"peer":{{"address":"{peer}"}},"duration":{{"ms":{took:.3}}},"user":{{"id":"u-{}"}}"#,
        it.route, it.user,
    );
    let level = if it.status >= 500 { "warn" } else { "info" };
    outer(scene, level, ("rpc", "Client", 98), "call finished", &inner)
}

fn statement(scene: &mut Scene<'_>) -> String {
    let (took, rows, pool) = (scene.millis(), scene.few(), scene.rng.below(32));
    let statement = scene.words().statements.draw(scene.rng);
    let statement = scene.fill(statement);
    let inner = format!(
        r#","db":{{"system":"sql","name":"main","statement":"{}","rows":{rows},"pool":{{"open":32,"busy":{pool}}}}},"duration":{{"ms":{took:.3}}}"#,
        statement.replace('\\', r"\\").replace('"', r#"\""#),
    );
    outer(scene, "debug", ("store", "Session", 304), "statement executed", &inner)
}

/// A record of a partitioned log, with its headers.
fn record(scene: &mut Scene<'_>) -> String {
    const TOPICS: [&str; 5] = ["orders.placed", "orders.paid", "stock.moved", "mail.requested", "profile.changed"];
    let (topic, partition, lag) = (scene.rng.pick(&TOPICS), scene.rng.below(12), scene.few());
    let key = scene.words().keys.draw(scene.rng);
    let offset = 48_210_000 + partition * 77_777 + scene.count * 3;
    let (user, item, size) = (scene.request.user, scene.request.item, scene.request.bytes);
    let inner = format!(
        r#","messaging":{{"topic":"{topic}","partition":{partition},"offset":{offset},"lag":{lag},"key":"{key}","headers":{{"schema":"v3","tenant":"{key}","size":{size}}}}},"payload":{{"user":"u-{user}","item":{item},"lines":[{{"item":{item},"count":{}}}]}}"#,
        1 + lag % 4,
    );
    outer(scene, "info", ("queue", "Consumer", 77), "record handled", &inner)
}

fn breaker(scene: &mut Scene<'_>) -> String {
    let (upstream, limit) = (scene.upstream(), 1000 + 250 * scene.rng.below(36));
    let message = format!("deadline of {limit} ms exceeded by {upstream}");
    let inner =
        format!(r#","rpc":{{"system":"grpc","service":"{upstream}"}},"breaker":{{"state":"open","limit_ms":{limit}}}"#);
    outer(scene, "warn", ("net", "Breaker", 152), &message, &inner)
}

/// A failure with its stack as one text, line breaks escaped.
fn failure(scene: &mut Scene<'_>) -> String {
    const KINDS: [&str; 4] = ["Timeout", "Declined", "IllegalState", "Conflict"];
    let (kind, text) = (scene.rng.pick(&KINDS), &scene.words().failures.draw(scene.rng).text);
    let text = scene.fill(text);
    let mut stack = format!("shop.{kind}: {text}");
    for _ in 0..4 + scene.rng.below(8) {
        let site = scene.site(0);
        let _ = write!(stack, r"\n\tat shop.{}.{}.apply({}.java:{})", site.module, site.class, site.class, site.line);
    }
    let inner = web(scene) + &format!(r#","error":{{"type":"shop.{kind}","stack_trace":"{stack}"}}"#);
    outer(scene, "error", ("web", "RequestFilter", 88), &text, &inner)
}

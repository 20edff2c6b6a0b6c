//! Lines that are one JSON object.

use super::Scene;

/// One answered request, as a Go service's structured logger writes it.
pub fn request(scene: &mut Scene<'_>) -> String {
    let (at, app, client, took) = (scene.at.iso(), scene.app(), scene.client(), scene.millis());
    let span = scene.span();
    let it = scene.request;
    let (level, msg) = match it.status {
        500.. => ("error", "request failed"),
        400.. => ("warn", "request refused"),
        _ => ("info", "request completed"),
    };
    format!(
        r#"{{"level":"{level}","ts":"{at}","caller":"http/server.go:{}","msg":"{msg}","app":"{app}","method":"{}","path":"{}","status":{},"duration_ms":{took:.2},"bytes":{},"remote":"{client}","trace_id":"{}","span_id":"{span}"}}"#,
        if it.status >= 500 { 211 } else { 187 },
        it.method,
        it.path,
        it.status,
        it.bytes,
        it.trace,
    )
}

const EVENTS: [(&str, &str, &str); 8] = [
    ("info", "cart.updated", "cart recalculated"),
    ("info", "session.renewed", "session token renewed"),
    ("debug", "cache.miss", "falling back to the origin"),
    ("info", "message.queued", "notification queued for delivery"),
    ("info", "page.rendered", "page rendered on the server"),
    ("debug", "flag.evaluated", "flag evaluated to its default"),
    ("warn", "message.delayed", "delivery postponed by the provider"),
    ("error", "message.failed", "provider answered with an error"),
];

/// A domain event with a user and a sequence number.
pub fn event(scene: &mut Scene<'_>) -> String {
    let (at, span) = (scene.at.iso(), scene.span());
    let roll = (scene.rng.below(100) * scene.rng.below(100) / 1050) as usize;
    let (level, event, text) = EVENTS[roll.min(EVENTS.len() - 1)];
    let it = scene.request;
    format!(
        r#"{{"time":"{at}","level":"{level}","event":"{event}","user":"u-{}","item":{},"traceId":"{}","spanId":"{span}","message":"{text}"}}"#,
        it.user, it.item, it.trace,
    )
}

/// Who did what: few actions, many users.
pub fn audit(scene: &mut Scene<'_>) -> String {
    const ACTIONS: [&str; 6] =
        ["profile.read", "address.changed", "password.checked", "order.viewed", "basket.opened", "consent.given"];
    let (at, client, action) = (scene.at.iso(), scene.client(), scene.rng.pick(&ACTIONS));
    let (allowed, span) = (!scene.rng.chance(0.03), scene.span());
    let it = scene.request;
    format!(
        r#"{{"time":"{at}","level":"info","kind":"audit","actor":"u-{}","action":"{action}","allowed":{allowed},"session":"{span}","ip":"{client}","agent":"{}"}}"#,
        it.user, it.agent,
    )
}

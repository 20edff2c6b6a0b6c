//! Lines that are one JSON object.

use super::Scene;

/// One answered request, as a Go service's structured logger writes it.
pub fn request(scene: &mut Scene<'_>) -> String {
    let (at, client, took) = (scene.at.iso(), scene.caller(), scene.millis());
    let ids = scene.trace(",\"trace_id\":\"", "\"") + &scene.span(",\"span_id\":\"", "\"");
    let it = scene.request;
    let (level, msg, line) = match it.status {
        500.. => ("error", "request failed", 211),
        400.. => ("warn", "request refused", 187),
        _ => ("info", "request completed", 187),
    };
    format!(
        r#"{{"level":"{level}","ts":"{at}","caller":"http/server.go:{line}","msg":"{msg}","method":"{}","path":"{}","status":{},"duration_ms":{took:.2},"bytes":{},"remote":"{client}"{ids}}}"#,
        it.method, it.path, it.status, it.bytes,
    )
}

/// A domain event, from one of the many places of the program.
pub fn event(scene: &mut Scene<'_>) -> String {
    let (at, site) = (scene.at.iso(), scene.site(5));
    let ids = scene.trace(",\"traceId\":\"", "\"") + &scene.span(",\"spanId\":\"", "\"");
    let (text, members) = (scene.fill(&site.text), scene.members(site));
    format!(r#"{{"time":"{at}","level":"{}","name":"{}","message":"{text}"{members}{ids}}}"#, site.level, site.module,)
}

/// Who did what: few actions, many users.
pub fn audit(scene: &mut Scene<'_>) -> String {
    let (at, client, words) = (scene.at.iso(), scene.client(), scene.words());
    let (key, state) = (words.keys.draw(scene.rng), words.states.draw(scene.rng));
    let allowed = !scene.rng.chance(0.03);
    let it = scene.request;
    format!(
        r#"{{"time":"{at}","level":"info","kind":"audit","actor":"u-{}","action":"{state}","object":"{key}","allowed":{allowed},"ip":"{client}","agent":"{}"}}"#,
        it.user, it.agent,
    )
}

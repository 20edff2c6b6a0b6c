//! Access logs and the complaints of web servers.

use super::Scene;

/// The combined access log, with the time taken at its end.
pub fn access(scene: &mut Scene<'_>) -> String {
    let (at, client, took, words) = (scene.at.common(), scene.client(), scene.millis(), scene.words());
    let (path, referer) = (words.paths.draw(scene.rng), words.referers.draw(scene.rng));
    let it = scene.request;
    format!(
        r#"{client} - - [{at}] "{} {path} HTTP/1.1" {} {} "{referer}" "{}" rt={:.4}"#,
        it.method,
        it.status,
        it.bytes,
        it.agent,
        took / 1000.0
    )
}

/// What a proxy beside the service writes for each call.
pub fn proxy(scene: &mut Scene<'_>) -> String {
    let (at, upstream, took, words) = (scene.at.iso(), scene.upstream(), scene.millis() as u64, scene.words());
    let (path, client) = (words.paths.draw(scene.rng), scene.caller());
    let trace = scene.trace("\"", "\"");
    let it = scene.request;
    let flag = match it.status {
        503 => "no_healthy_upstream",
        500 => "upstream_error",
        _ => "via_upstream",
    };
    format!(
        r#"[{at}] "{} {path} HTTP/2" {} - {flag} 0 {} {took} {} {client} {upstream}.svc"#,
        it.method,
        it.status,
        it.bytes,
        if trace.is_empty() { "\"-\"" } else { &trace }
    )
}

pub fn upstream_trouble(scene: &mut Scene<'_>) -> String {
    let (at, client, upstream, words) = (scene.at.spaced('.'), scene.client(), scene.upstream(), scene.words());
    let (worker, path) = (20 + scene.rng.below(4), words.paths.draw(scene.rng));
    let it = scene.request;
    if it.status >= 400 || scene.rng.chance(0.25) {
        return format!(
            r#"{at} [error] {worker}#0: connection to upstream {upstream} was reset while reading the head of the answer, client: {client}, request: "{} {path}""#,
            it.method
        );
    }
    format!(
        r#"{at} [notice] {worker}#0: an answer of {upstream} was buffered to a temporary file, client: {client}, bytes: {}"#,
        it.bytes * 40
    )
}

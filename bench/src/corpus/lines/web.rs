//! Access logs and the complaints of web servers.

use super::Scene;

/// The combined access log, with the time taken at its end.
pub fn access(scene: &mut Scene<'_>) -> String {
    let (at, client, took) = (scene.at.common(), scene.client(), scene.millis());
    let it = scene.request;
    format!(
        r#"{client} - - [{at}] "{} {} HTTP/1.1" {} {} "https://shop.example{}" "{}" rt={:.3}"#,
        it.method,
        it.path,
        it.status,
        it.bytes,
        it.route,
        it.agent,
        took / 1000.0
    )
}

/// What a proxy beside the service writes for each call.
pub fn proxy(scene: &mut Scene<'_>) -> String {
    let (at, upstream, took) = (scene.at.iso(), scene.upstream(), scene.millis() as u64);
    let it = scene.request;
    let flag = match it.status {
        503 => "no_healthy_upstream",
        500 => "upstream_error",
        _ => "via_upstream",
    };
    format!(
        r#"[{at}] "{} {} HTTP/2" {} - {flag} 0 {} {took} "{}" outbound|8080||{upstream}.svc"#,
        it.method, it.path, it.status, it.bytes, it.trace
    )
}

pub fn upstream_trouble(scene: &mut Scene<'_>) -> String {
    let (at, client, upstream) = (scene.at.spaced('.'), scene.client(), scene.upstream());
    let worker = 20 + scene.rng.below(4);
    let it = scene.request;
    if it.status >= 400 || scene.rng.chance(0.25) {
        return format!(
            r#"{at} [error] {worker}#0: connection to upstream {upstream} was reset while reading the head of the answer, client: {client}, request: "{} {}""#,
            it.method, it.path
        );
    }
    format!(
        r#"{at} [notice] {worker}#0: an answer of {upstream} was buffered to a temporary file, client: {client}, bytes: {}"#,
        it.bytes * 40
    )
}

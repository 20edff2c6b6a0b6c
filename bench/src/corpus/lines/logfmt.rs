//! Lines of `key=value` pairs.

use super::Scene;

/// A call to another service.
pub fn request(scene: &mut Scene<'_>) -> String {
    let (at, upstream, took, words) = (scene.at.iso(), scene.upstream(), scene.millis(), scene.words());
    let peer = words.peers.draw(scene.rng);
    let ids = scene.trace(" trace_id=", "") + &scene.span(" span_id=", "");
    let it = scene.request;
    if it.status >= 500 {
        return format!(
            r#"ts={at} level=error caller=client.go:98 msg="call failed" upstream={upstream} peer={peer} route={} err="error {} from upstream" took={took:.2}ms{ids}"#,
            it.route, it.status
        );
    }
    format!(
        r#"ts={at} level=info caller=client.go:74 msg="call finished" upstream={upstream} peer={peer} route={} status={} took={took:.2}ms{ids}"#,
        it.route, it.status
    )
}

/// The state of a connection pool, written every so often, or whatever else the program has to say.
pub fn pool(scene: &mut Scene<'_>) -> String {
    let (at, upstream) = (scene.at.iso(), scene.upstream());
    let (open, waiting) = (4 + scene.rng.below(28), scene.rng.below(4) * scene.rng.below(3));
    match scene.rng.below(100) {
        0..=4 => {
            let limit = 1000 + 500 * scene.rng.below(20);
            format!(
                r#"ts={at} level=warn caller=pool.go:152 msg="deadline of {limit} ms exceeded while waiting for a connection" upstream={upstream} open={open} waiting={waiting}"#
            )
        }
        5..=29 => format!(
            r#"ts={at} level=debug caller=pool.go:131 msg="pool state" upstream={upstream} open={open} idle={} waiting={waiting}"#,
            32 - open
        ),
        _ => {
            let site = scene.site(2);
            let (text, pairs) = (scene.fill(&site.text), scene.pairs(site));
            let (class, line) = (site.class.to_lowercase(), site.line);
            format!(r#"ts={at} level={} caller={class}.go:{line} msg="{text}"{pairs}"#, site.level)
        }
    }
}

/// Progress of a consumer through a partitioned log: numbers that grow.
pub fn consumer(scene: &mut Scene<'_>) -> String {
    const TOPICS: [&str; 6] =
        ["orders.placed", "orders.paid", "stock.moved", "mail.requested", "views.page", "profile.changed"];
    let (at, topic) = (scene.at.iso(), scene.rng.pick(&TOPICS));
    let (partition, build) = (scene.rng.below(12), &scene.words().build);
    let offset = 48_210_000 + partition * 77_777 + scene.count * 3;
    let head = format!("ts={at} level={{}} component={{}} version={build} ");
    let head = |level: &str, component: &str| head.replacen("{}", level, 1).replacen("{}", component, 1);
    match scene.rng.below(100) {
        0..=4 => format!(
            r#"{}msg="commit refused, error in group coordinator" topic={topic} partition={partition} offset={offset} retry={}"#,
            head("error", "consumer"),
            1 + scene.rng.below(5)
        ),
        5..=30 => format!(
            r#"{}msg="batch committed" topic={topic} partition={partition} offset={offset} records={} lag={}"#,
            head("info", "consumer"),
            100 + 25 * scene.rng.below(16),
            scene.few()
        ),
        _ => {
            let key = scene.words().keys.draw(scene.rng);
            let ids = scene.trace(" trace_id=", "");
            format!(
                r#"{}msg="record forwarded" topic={topic} partition={partition} offset={offset} key={key}{ids}"#,
                head("info", "relay")
            )
        }
    }
}

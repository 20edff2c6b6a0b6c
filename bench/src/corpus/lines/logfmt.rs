//! Lines of `key=value` pairs.

use super::Scene;

/// A call to another service.
pub fn request(scene: &mut Scene<'_>) -> String {
    let (at, upstream, took) = (scene.at.iso(), scene.upstream(), scene.millis());
    let span = scene.span();
    let it = scene.request;
    if it.status >= 500 {
        return format!(
            r#"ts={at} level=error caller=client.go:98 msg="call failed" upstream={upstream} route={} err="error {} from upstream" took={took:.1}ms trace_id={} span_id={span}"#,
            it.route, it.status, it.trace,
        );
    }
    format!(
        r#"ts={at} level=info caller=client.go:74 msg="call finished" upstream={upstream} route={} status={} took={took:.1}ms trace_id={} span_id={span}"#,
        it.route, it.status, it.trace,
    )
}

/// The state of a connection pool, written every so often.
pub fn pool(scene: &mut Scene<'_>) -> String {
    let (at, upstream) = (scene.at.iso(), scene.upstream());
    let (open, waiting) = (4 + scene.rng.below(28), scene.rng.below(4) * scene.rng.below(3));
    if scene.rng.chance(0.05) {
        let limit = 1000 + 500 * scene.rng.below(20);
        return format!(
            r#"ts={at} level=warn caller=pool.go:152 msg="deadline of {limit} ms exceeded while waiting for a connection" upstream={upstream} open={open} waiting={waiting}"#
        );
    }
    format!(
        r#"ts={at} level=debug caller=pool.go:131 msg="pool state" upstream={upstream} open={open} idle={} waiting={waiting}"#,
        32 - open.min(32)
    )
}

/// Progress of a consumer through a partitioned log: numbers that grow.
pub fn consumer(scene: &mut Scene<'_>) -> String {
    const TOPICS: [&str; 6] =
        ["orders.placed", "orders.paid", "stock.moved", "mail.requested", "views.page", "profile.changed"];
    let (at, topic) = (scene.at.iso(), scene.rng.pick(&TOPICS));
    let partition = scene.rng.below(12);
    let offset = 48_210_000 + partition * 77_777 + scene.at.nanos / 9_000_000;
    match scene.rng.below(100) {
        0..=4 => format!(
            r#"ts={at} level=error component=consumer msg="commit refused, error in group coordinator" topic={topic} partition={partition} offset={offset} retry={}"#,
            1 + scene.rng.below(5)
        ),
        5..=30 => format!(
            r#"ts={at} level=info component=consumer msg="batch committed" topic={topic} partition={partition} offset={offset} records={} lag={}"#,
            100 + 25 * scene.rng.below(16),
            scene.rng.below(40) * scene.rng.below(12)
        ),
        _ => format!(
            r#"ts={at} level=info component=relay msg="record forwarded" topic={topic} partition={partition} offset={offset} key=u-{} trace_id={}"#,
            scene.request.user, scene.request.trace
        ),
    }
}

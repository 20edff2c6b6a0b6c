//! Free text of programs that follow no format but their own.

use super::Scene;

/// A Python service: comma before the milliseconds, module path, level.
pub fn python(scene: &mut Scene<'_>) -> String {
    let (at, took) = (scene.at.spaced(','), scene.millis());
    let it = scene.request;
    match scene.rng.below(100) {
        0..=8 => format!(
            "{at} ERROR worker.tasks: task {} of u-{} gave up with error code {}, trace {}",
            it.route.trim_start_matches('/').replace('/', "."),
            it.user,
            10 + it.item % 8,
            it.trace
        ),
        9..=35 => format!(
            "{at} INFO worker.model: scored item {} for u-{} as 0.{:03} in {took:.1} ms, request {}",
            it.item,
            it.user,
            it.item % 997,
            it.trace
        ),
        36..=60 => format!("{at} DEBUG worker.features: 64 features read, 3 missing, request {}", it.trace),
        _ => format!(
            "{at} INFO worker.http: {} {} answered {} in {took:.1} ms, request {}",
            it.method, it.path, it.status, it.trace
        ),
    }
}

/// A relational database: slow statements, checkpoints, connections.
pub fn database(scene: &mut Scene<'_>) -> String {
    const TABLES: [&str; 6] = ["orders", "order_items", "payments", "stock", "customers", "entries"];
    let (at, took, table) = (scene.at.spaced('.'), scene.millis(), scene.rng.pick(&TABLES));
    let session = 4000 + scene.rng.below(48);
    match scene.rng.below(100) {
        0..=1 => {
            format!("{at} UTC [{session}] ERROR:  duplicate key value violates unique constraint \"{table}_pkey\"")
        }
        2..=9 => format!(
            "{at} UTC [{session}] LOG:  checkpoint complete: wrote {} buffers; sync={:.3} s",
            200 + scene.rng.below(900),
            took / 400.0
        ),
        10..=29 => format!("{at} UTC [{session}] LOG:  connection authorized: user=svc_{table} database=main"),
        _ => format!(
            "{at} UTC [{session}] LOG:  duration: {took:.3} ms  statement: select id, state, amount, updated_at from {table} where customer_id = {} and state <> 'closed' order by updated_at desc limit 20",
            scene.request.user
        ),
    }
}

/// An in-memory key-value server.
pub fn cache(scene: &mut Scene<'_>) -> String {
    let (at, keys) = (scene.at.spaced('.'), 100_000 + scene.at.nanos / 40_000_000);
    match scene.rng.below(10) {
        0 => format!("1:M {at} * {} changes in 60 seconds. Saving in the background", 1000 + scene.rng.below(900) * 10),
        1 => format!(
            "1:M {at} # memory at {} percent of the limit, evicting by least recent use",
            80 + scene.rng.below(15)
        ),
        2 => format!("1:C {at} * snapshot written, {} MB used by copy on write", scene.rng.below(64)),
        _ => format!("1:M {at} - db0: {keys} keys ({} volatile) in {} slots hashtable", keys / 3, 262_144),
    }
}

/// A controller with the compact prefix of its kind: level, day, time, process, file and line.
pub fn controller(scene: &mut Scene<'_>) -> String {
    const KINDS: [&str; 5] = ["Deployment", "Certificate", "Node", "Rollout", "ConfigMap"];
    let (at, kind, target) = (scene.at.klog(), scene.rng.pick(&KINDS), scene.upstream());
    match scene.rng.below(100) {
        0..=7 => format!(
            r#"E{at}       1 reconcile.go:242] "Reconciler error" err="operation cannot be fulfilled: the object has been modified" kind="{kind}" name="{target}""#
        ),
        8..=25 => format!(r#"I{at}       1 lease.go:88] "Renewed lease" holder="{}" kind="{kind}""#, scene.app()),
        _ => format!(
            r#"I{at}       1 reconcile.go:117] "Reconciled" kind="{kind}" name="{target}" generation={} took="{:.1}ms""#,
            3 + scene.rng.below(6),
            scene.millis()
        ),
    }
}

/// Batch work: counters that grow and sentences.
pub fn batch(scene: &mut Scene<'_>) -> String {
    const TABLES: [&str; 5] = ["clicks", "orders", "refunds", "stock levels", "shipments"];
    let (at, table) = (scene.at.iso(), scene.rng.pick(&TABLES));
    let rows = scene.at.nanos / 700_000_000 * 1000;
    match scene.rng.below(20) {
        0 => format!("{at} warning: {} rows of {table} had no customer and were put aside", scene.rng.below(50)),
        1 | 6 => format!("{at} error while reading a page of {table}, trying again in {} s", 1 << scene.rng.below(6)),
        2..=5 => {
            format!("{at} merged partition {} of {table}, {} files left", scene.rng.below(64), scene.rng.below(400))
        }
        _ => format!(
            "{at} copied {rows} rows of {table} to the lake, {:.1} MB/s since the last report, about {} s to go",
            20.0 + scene.rng.unit() * 9.0,
            3600 - scene.at.nanos / 1_000_000_000
        ),
    }
}

/// A runtime warning on standard error.
pub fn node_warning(scene: &mut Scene<'_>) -> String {
    let heap = 180 + scene.rng.below(90);
    match scene.rng.below(8) {
        0 => {
            format!("(node:1) MaxListenersWarning: 11 close listeners added to [Socket], trace {}", scene.request.trace)
        }
        1 => format!("{} unhandled error in promise of u-{}: socket hang up", scene.at.iso(), scene.request.user),
        _ => format!(
            "{} [gc] scavenge {}.{} MB -> {}.1 MB, {} ms",
            scene.at.iso(),
            heap,
            scene.rng.below(10),
            heap - 20,
            1 + scene.rng.below(9)
        ),
    }
}

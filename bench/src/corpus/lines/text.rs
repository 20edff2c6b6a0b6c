//! Free text of programs that follow no format but their own.

use super::Scene;

/// A Python service: comma before the milliseconds, module path, level.
pub fn python(scene: &mut Scene<'_>) -> String {
    let (at, took, words) = (scene.at.spaced(','), scene.millis(), scene.words());
    let trace = scene.trace(", request ", "");
    let it = scene.request;
    match scene.rng.below(100) {
        0..=14 => format!(
            "{at} INFO worker.model: scored {} for u-{} as 0.{:02} in {took:.2} ms{trace}",
            words.keys.draw(scene.rng),
            it.user,
            it.item % 97,
        ),
        15..=44 => format!(
            "{at} INFO worker.http: {} {} answered {} in {took:.2} ms{trace}",
            it.method,
            words.paths.draw(scene.rng),
            it.status
        ),
        _ => {
            let site = scene.site(12);
            let (text, pairs) = (scene.fill(&site.text), scene.pairs(site));
            format!(
                "{at} {} {}.{}:{}: {text}{pairs}{trace}",
                site.level.to_uppercase(),
                site.module,
                site.class,
                site.line
            )
        }
    }
}

/// A relational database: slow statements, checkpoints, connections.
pub fn database(scene: &mut Scene<'_>) -> String {
    let (at, took, words) = (scene.at.spaced('.'), scene.millis(), scene.words());
    let session = 4000 + scene.rng.below(48);
    match scene.rng.below(100) {
        0..=1 => format!(
            "{at} UTC [{session}] ERROR:  duplicate key value \"{}\" violates unique constraint",
            words.keys.draw(scene.rng)
        ),
        2..=9 => format!(
            "{at} UTC [{session}] LOG:  checkpoint complete: wrote {} buffers; sync={:.3} s",
            200 + scene.rng.below(900),
            took / 400.0
        ),
        10..=29 => format!(
            "{at} UTC [{session}] LOG:  connection authorized: user=svc_main database=main host={}",
            words.peers.draw(scene.rng)
        ),
        _ => {
            let statement = words.statements.draw(scene.rng);
            format!("{at} UTC [{session}] LOG:  duration: {took:.2} ms  statement: {}", scene.fill(statement))
        }
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
    let (at, kind, words) = (scene.at.klog(), scene.rng.pick(&KINDS), scene.words());
    let name = words.keys.draw(scene.rng);
    match scene.rng.below(100) {
        0..=7 => format!(
            r#"E{at}       1 reconcile.go:242] "Reconciler error" err="operation cannot be fulfilled: the object has been modified" kind="{kind}" name="{name}""#
        ),
        8..=25 => format!(r#"I{at}       1 lease.go:88] "Renewed lease" holder="{}" kind="{kind}""#, scene.place().pod),
        26..=60 => format!(
            r#"I{at}       1 reconcile.go:117] "Reconciled" kind="{kind}" name="{name}" generation={} took="{:.1}ms""#,
            3 + scene.rng.below(6),
            scene.millis()
        ),
        _ => {
            let site = scene.site(0);
            let (text, pairs) = (scene.fill(&site.text), scene.pairs(site));
            format!(
                r#"I{at}       1 {}.go:{}] "{text}" kind="{kind}" name="{name}"{pairs}"#,
                site.class.to_lowercase(),
                site.line
            )
        }
    }
}

/// Batch work: counters that grow and sentences.
pub fn batch(scene: &mut Scene<'_>) -> String {
    let (at, words) = (scene.at.iso(), scene.words());
    let table = words.keys.draw(scene.rng);
    let rows = scene.count * 1000;
    match scene.rng.below(20) {
        0 => format!("{at} warning: {} rows of {table} had no customer and were put aside", scene.few()),
        1 => format!("{at} error while reading a page of {table}, trying again in {} s", 1 << scene.rng.below(6)),
        2..=4 => format!("{at} merged partition {} of {table}, {} files left", scene.rng.below(64), scene.few()),
        5..=10 => {
            let site = scene.site(6);
            format!("{at} {}: {}{}", site.module, scene.fill(&site.text), scene.pairs(site))
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
            let trace = scene.trace(", trace ", "");
            format!("(node:1) MaxListenersWarning: 11 close listeners added to [Socket]{trace}")
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

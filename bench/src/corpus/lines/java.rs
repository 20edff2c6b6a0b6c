//! A Java-like service: padded levels, thread names, loggers, and stack traces that take many lines.

use super::{Emitted, Scene};

const THREADS: u64 = 16;

pub fn write(scene: &mut Scene<'_>, roll: u64) -> Emitted {
    match roll {
        0..=3 => exception(scene),
        4..=8 => Emitted::out(slow(scene)),
        _ => Emitted::out(step(scene)),
    }
}

fn head(scene: &mut Scene<'_>, level: &str, logger: &str) -> String {
    let (thread, app) = (scene.rng.below(THREADS), scene.app());
    let ids = scene.trace(",", "") + &scene.span(",", "");
    format!("{} {level:<5} [{app}{ids}] [exec-{thread}] {logger} - ", scene.at.spaced('.'))
}

/// An ordinary step of business.
fn step(scene: &mut Scene<'_>) -> String {
    let site = scene.site(2);
    let logger = format!("shop.{}.{}", site.module, site.class);
    let mut body = head(scene, &site.level.to_uppercase(), &logger);
    body.push_str(&scene.fill(&site.text));
    body.push_str(&scene.pairs(site));
    body
}

fn slow(scene: &mut Scene<'_>) -> String {
    let (upstream, limit) = (scene.upstream(), 1000 + 250 * scene.rng.below(36));
    let mut body = head(scene, "WARN", "shop.net.Breaker");
    body.push_str(&format!("deadline of {limit} ms exceeded by {upstream}"));
    body
}

const CLASSES: [&str; 5] = [
    "java.net.SocketTimeoutException",
    "shop.pay.DeclinedException",
    "java.lang.IllegalStateException",
    "shop.store.ConflictException",
    "java.lang.NullPointerException",
];

const LAST_FRAMES: [(&str, &str, u64); 6] = [
    ("shop.web.Dispatcher.invoke", "Dispatcher.java", 118),
    ("shop.web.TraceFilter.filter", "TraceFilter.java", 51),
    ("shop.web.Server.handle", "Server.java", 203),
    ("java.util.concurrent.ThreadPoolExecutor.runWorker", "ThreadPoolExecutor.java", 1144),
    ("java.util.concurrent.ThreadPoolExecutor$Worker.run", "ThreadPoolExecutor.java", 642),
    ("java.lang.Thread.run", "Thread.java", 1583),
];

/// The head of a stack trace, and its frames as the lines that follow: some of the service, then those of its server.
fn exception(scene: &mut Scene<'_>) -> Emitted {
    let class = scene.rng.pick(&CLASSES);
    let mut body = head(scene, "ERROR", "shop.web.RequestFilter");
    let text = &scene.words().failures.draw(scene.rng).text;
    body.push_str(&format!("unhandled {class}: {}", scene.fill(text)));
    let mut follow: Vec<String> = (0..1 + scene.rng.below(4)).map(|_| frame(scene)).collect();
    follow.extend(LAST_FRAMES.iter().map(|(method, file, line)| format!("\tat {method}({file}:{line})")));
    Emitted { stderr: true, body, follow }
}

fn frame(scene: &mut Scene<'_>) -> String {
    let site = scene.site(0);
    let verb = site.text.len() % 3;
    let method = ["apply", "handle", "proceed"][verb];
    format!("\tat shop.{}.{}.{method}({}.java:{})", site.module, site.class, site.class, site.line)
}

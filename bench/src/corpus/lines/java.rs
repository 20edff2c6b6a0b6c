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
    let (thread, app, span) = (scene.rng.below(THREADS), scene.app(), scene.span());
    let trace = &scene.request.trace;
    format!("{} {level:<5} [{app},{trace},{span}] [exec-{thread}] {logger} - ", scene.at.spaced('.'))
}

const STEPS: [(&str, &str); 10] = [
    ("org.shopworks.order.OrderService", "order {} accepted for user u-{u}, total {m} EUR"),
    ("org.shopworks.order.OrderService", "order {} moved to state PAID"),
    ("org.shopworks.price.PriceResolver", "resolved price list for item {} in {d} ms"),
    ("org.shopworks.pay.Settlement", "settled payment {} of {m} EUR with provider two"),
    ("org.shopworks.stock.Reservation", "reserved 1 unit of item {} until the basket expires"),
    ("org.shopworks.web.RequestFilter", "handled {r} for u-{u} in {d} ms"),
    ("org.shopworks.tax.RateTable", "applied rate 19 to item {} of basket u-{u}"),
    ("org.shopworks.search.QueryPlanner", "planned query over 6 shards in {d} ms"),
    ("org.shopworks.web.RequestFilter", "handled {r} for u-{u} in {d} ms"),
    ("org.shopworks.store.Repository", "loaded item {} from the replica in {d} ms"),
];

/// An ordinary step of business.
fn step(scene: &mut Scene<'_>) -> String {
    let service = scene.place().service;
    let (logger, text) = STEPS[(service + scene.rng.index(5)) % STEPS.len()];
    let took = scene.millis() as u64;
    let mut body = head(scene, "INFO", logger);
    let it = scene.request;
    let text = text
        .replace("{u}", &it.user.to_string())
        .replace("{d}", &took.to_string())
        .replace("{r}", it.route)
        .replace("{m}", &format!("{}.{:02}", it.item % 200, it.item % 7 * 14))
        .replace("{}", &it.item.to_string());
    body.push_str(&text);
    body
}

fn slow(scene: &mut Scene<'_>) -> String {
    let (upstream, limit) = (scene.upstream(), 1000 + 250 * scene.rng.below(36));
    let mut body = head(scene, "WARN", "org.shopworks.net.Breaker");
    body.push_str(&format!("deadline of {limit} ms exceeded by {upstream}"));
    body
}

const TROUBLES: [(&str, &str); 5] = [
    ("java.net.SocketTimeoutException", "read timed out"),
    ("org.shopworks.pay.DeclinedException", "the provider declined the card"),
    ("java.lang.IllegalStateException", "basket is already closed"),
    ("org.shopworks.store.ConflictException", "row was changed by another writer"),
    ("java.lang.NullPointerException", "value of field address is null"),
];

const FRAMES: [(&str, &str); 12] = [
    ("org.shopworks.net.HttpCaller.send", "HttpCaller.java"),
    ("org.shopworks.net.Breaker.guard", "Breaker.java"),
    ("org.shopworks.pay.Settlement.settle", "Settlement.java"),
    ("org.shopworks.order.OrderService.place", "OrderService.java"),
    ("org.shopworks.order.OrderResource.post", "OrderResource.java"),
    ("org.shopworks.web.Dispatcher.invoke", "Dispatcher.java"),
    ("org.shopworks.web.RequestFilter.filter", "RequestFilter.java"),
    ("org.shopworks.web.TraceFilter.filter", "TraceFilter.java"),
    ("org.shopworks.web.Server.handle", "Server.java"),
    ("java.util.concurrent.ThreadPoolExecutor.runWorker", "ThreadPoolExecutor.java"),
    ("java.util.concurrent.ThreadPoolExecutor$Worker.run", "ThreadPoolExecutor.java"),
    ("java.lang.Thread.run", "Thread.java"),
];

/// The head of a stack trace, and its frames as the lines that follow.
fn exception(scene: &mut Scene<'_>) -> Emitted {
    let (class, text) = scene.rng.pick(&TROUBLES);
    let mut body = head(scene, "ERROR", "org.shopworks.web.RequestFilter");
    body.push_str(&format!("unhandled error: {class}: {text}"));
    let first = 2 + scene.rng.index(6);
    let follow = FRAMES[first..]
        .iter()
        .enumerate()
        .map(|(depth, (method, file))| format!("\tat {method}({file}:{})", 40 + (first + depth) * 37 % 211))
        .collect();
    Emitted { stderr: true, body, follow }
}

//! Rules of [`crate::Tail`].

use super::Subject;
use super::support::{Row, batch, read, selector, tenant, write};
use crate::{TailEvent, TailLine, TailRequest, TailStream};
use futures::StreamExt;
use gantry_model::{LineFilter, MatchOp, Matcher, Selector, TenantId};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn next(tail: &mut TailStream) -> TailEvent {
    let event = tokio::time::timeout(Duration::from_secs(10), tail.next()).await;
    event.expect("an event within 10 s").expect("the store did not stop")
}

/// Lines until there are `count`.
async fn lines(tail: &mut TailStream, count: usize) -> Vec<TailLine> {
    let mut found = Vec::new();
    while found.len() < count {
        match next(tail).await {
            TailEvent::Lines(lines) => found.extend(lines),
            TailEvent::Lagged(lagged) => panic!("missed {lagged:?}"),
        }
    }
    found
}

pub async fn a_tail_sees_what_matches_and_a_query_finds_it<S: Subject>(store: Arc<S>) {
    write(&*store, &[Row::new("web", 1, "GET before")]).await;
    let web = Matcher::new("app", MatchOp::Eq, "web").expect("a matcher");
    let get = vec![LineFilter::contains("GET")];
    let mut tail = store.tail(&tenant(), TailRequest { selector: selector([web]), lines: get, buffer: 1000 });
    let other = TenantId::new("other").expect("legal");
    let elsewhere = store.append(&other, batch([&Row::new("web", 2, "GET elsewhere")])).await.expect("append");
    assert_eq!(elsewhere.lines, 1);
    for n in 0..50 {
        let rows = [
            Row { metadata: r#"{"n":"1"}"#.into(), ..Row::new("web", 100 + n, format!("GET {n}")) },
            Row::new("web", 100 + n, format!("PUT {n}")),
            Row::new("db", 100 + n, "GET from db"),
        ];
        write(&*store, &rows).await;
        let seen = lines(&mut tail, 1).await;
        assert_eq!((seen.len(), &*seen[0].body, &*seen[0].metadata), (1, &*format!("GET {n}"), r#"{"n":"1"}"#));
        assert_eq!((seen[0].timestamp.0, seen[0].labels.get("app")), (100 + n, Some("web")));
        assert!(read(&*store, &tenant()).await.iter().any(|row| row.body == seen[0].body));
    }
}

pub async fn a_slow_tail_is_told_what_it_missed<S: Subject>(store: Arc<S>) {
    const COUNT: u64 = 500;
    let mut tail = store.tail(&tenant(), TailRequest { selector: Selector::all(), lines: Vec::new(), buffer: 10 });
    for n in 0..COUNT as i64 {
        write(&*store, &[Row::new("a", n, format!("line {n}"))]).await;
    }
    let (mut seen, mut missed, mut last) = (0, 0, -1);
    while seen + missed < COUNT {
        match next(&mut tail).await {
            TailEvent::Lines(lines) => {
                assert!(lines.len() <= 10, "more than the buffer was kept");
                seen += lines.len() as u64;
                assert!(lines.iter().all(|line| line.timestamp.0 > std::mem::replace(&mut last, line.timestamp.0)));
            }
            TailEvent::Lagged(lagged) => {
                assert!(lagged.count > 0 && lagged.sample.len() as u64 <= lagged.count);
                missed += lagged.count;
            }
        }
    }
    assert!(seen >= 10 && missed > 0, "{seen} seen, {missed} missed");
    write(&*store, &[Row::new("a", 9999, "after")]).await;
    assert_eq!(lines(&mut tail, 1).await[0].body, "after");
}

pub async fn a_dropped_tail_is_forgotten<S: Subject>(store: Arc<S>) {
    let request = || TailRequest { selector: Selector::all(), lines: Vec::new(), buffer: 1 };
    let tails = [store.tail(&tenant(), request()), store.tail(&tenant(), request())];
    assert_eq!(store.subscribers(), 2);
    drop(tails);
    let deadline = Instant::now() + Duration::from_secs(10);
    while store.subscribers() > 0 {
        assert!(Instant::now() < deadline, "a dropped tail is still held");
        tokio::task::yield_now().await;
    }
    write(&*store, &[Row::new("a", 1, "nobody listens")]).await;
}

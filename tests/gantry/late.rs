//! Late and out-of-order lines within the window, and lines that come twice, wherever they lie.

use crate::harness::{Launch, Loki, now_ns};

const HOUR: u64 = 3_600_000_000_000;

fn line(at: u64) -> (u64, String) {
    (at, format!("line of {at}"))
}

async fn all(loki: &Loki, now: u64) -> Vec<(u64, String)> {
    loki.lines(r#"{app="late"}"#, now - 72 * HOUR, now + HOUR).await
}

#[tokio::test(flavor = "multi_thread")]
async fn late_and_repeated_lines_are_found_once_and_in_order_in_memory_in_files_and_after_a_crash() {
    let launch = Launch::new().expecting("cutting the unfinished end of the WAL");
    let mut server = launch.start().await;
    let now = now_ns();
    // Newest first, two days back, and each twice: once right away, once after the first has moved on.
    let times: Vec<u64> = (0..48).map(|hours| now - hours * HOUR).collect();
    for (at, part) in times.chunks(12).enumerate() {
        let lines: Vec<_> = part.iter().flat_map(|at| [line(*at), line(*at)]).collect();
        server.loki.push_ok(&[("app", "late")], &lines).await;
        match at {
            0 => server.loki.flush().await,
            1 => server.loki.compact().await,
            2 => {
                server.kill();
                server = launch.start().await;
            }
            _ => {}
        }
        let again: Vec<_> = times.iter().take((at + 1) * 12).map(|at| line(*at)).collect();
        server.loki.push_ok(&[("app", "late")], &again).await;
        let mut want = again;
        want.sort();
        assert_eq!(all(&server.loki, now).await, want, "round {at}");
    }
    let mut want: Vec<_> = times.iter().map(|at| line(*at)).collect();
    want.sort();
    server.loki.flush().await;
    assert_eq!(all(&server.loki, now).await, want);
    server.loki.compact().await;
    assert_eq!(all(&server.loki, now).await, want);
    assert_eq!(server.loki.number(r#"sum(count_over_time({app="late"}[72h]))"#, now_ns()).await, 48.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_outside_the_window_are_refused_with_the_limit_and_the_setting() {
    let server = Launch::new().set("ingest.max_age", "2h").set("ingest.max_ahead", "5m").start().await;
    let now = now_ns();
    let cases =
        [(now - 3 * HOUR, "too_far_behind", "ingest.max_age"), (now + HOUR, "too_far_ahead", "newest accepted")];
    for (at, reason, why) in cases {
        let answer = server.loki.push(&[("app", "late")], &[line(at), line(now - HOUR)]).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains(reason) && answer.text.contains(why), "{}", answer.text);
    }
    assert_eq!(all(&server.loki, now).await, [line(now - HOUR)], "the good lines of the pushes are stored, once");
    server.stop().await;
}

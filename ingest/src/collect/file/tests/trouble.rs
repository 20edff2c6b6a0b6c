//! Back-pressure, refusals, noise.

use super::*;
use crate::multiline::MultilineOptions;

#[tokio::test]
async fn a_store_that_is_away_loses_nothing_even_when_files_rotate_meanwhile() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    write(&live, numbered(0..5));
    yard.wait_for_lines(5).await;
    yard.sink.fail_next(4);
    write(&live, numbered(5..8));
    for generation in 0..4 {
        std::fs::rename(&live, yard.at("gone")).unwrap();
        write(&live, numbered(8 + generation..9 + generation));
        running.wait_for_rotations(generation + 1).await;
    }
    yard.wait_for_lines(12).await;
    running.stop().await;
    let mut lines = yard.sink.lines();
    lines.sort_by_key(|line| line.at);
    assert_numbered(&lines, 12);
}

#[tokio::test]
async fn refused_lines_are_counted_and_do_not_stop_the_rest() {
    let yard = Yard::new();
    yard.sink.refuse_next(1);
    write(&yard.at("app.log"), "bad\nworse\n");
    let running = yard.start(FileOptions { multiline: MultilineOptions::off(), ..yard.options(&["*.log"]) });
    running.wait_for_metric("dropped_lines_total", 2.0).await;
    write(&yard.at("app.log"), "good\n");
    yard.wait_for_bodies(&["good"]).await;
    running.wait_for_metric("lines_total", 1.0).await;
    running.wait_for_metric("lag_bytes", 0.0).await;
    running.stop().await;
}

#[tokio::test]
async fn a_noisy_file_does_not_starve_a_quiet_one() {
    let yard = Yard::new();
    write(&yard.at("noisy.log"), numbered(0..100_000));
    write(&yard.at("quiet.log"), "please hear me\n");
    let multiline = MultilineOptions::off();
    let options = FileOptions { batch_bytes: 20_000, turn_bytes: 5_000, multiline, ..yard.options(&["*.log"]) };
    let running = yard.start(options);
    yard.sink.wait_for(|lines| lines.iter().any(|line| line.body == "please hear me")).await;
    running.stop().await;
    let lines = yard.sink.lines();
    let heard = lines.iter().position(|line| line.body == "please hear me").unwrap();
    assert!(heard < 2_000, "it was heard only after {heard} lines");
}

#[tokio::test]
async fn a_file_that_can_not_be_read_does_not_disturb_others() {
    let yard = Yard::new();
    std::os::unix::fs::symlink("/nowhere/at/all", yard.at("broken.log")).unwrap();
    write(&yard.at("app.log"), b"caf\xe9\nfine\n");
    let running = yard.follow("*.log");
    yard.wait_for_bodies(&["caf\u{fffd}", "fine"]).await;
    running.stop().await;
}

#[test]
fn wrong_options_are_told_before_anything_starts() {
    let yard = Yard::new();
    let make = |options| {
        FileCollector::new(options, yard.sink.clone(), Arc::new(SystemClock), &crate::collect::testing::metrics())
            .map(|_| ())
    };
    let nothing = FileOptions { include: Vec::new(), ..yard.options(&[]) };
    assert!(make(nothing).unwrap_err().to_string().contains("include"));
    assert!(make(FileOptions { name: "../up".into(), ..yard.options(&["*"]) }).is_err());
    let options = FileOptions { partial_flush: Some(Duration::from_millis(90)), ..yard.options(&["*"]) };
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<FileOptions>(&text).unwrap(), options);
    let unknown = serde_json::from_str::<FileOptions>(r#"{"includ":["x"]}"#).unwrap_err().to_string();
    assert!(unknown.contains("includ"), "{unknown}");
}

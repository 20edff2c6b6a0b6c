//! Checkpoints: stops, crashes, and what happened to files meanwhile.

use super::*;
use std::fs::rename;

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let yard = Yard::new();
    write(&yard.at("app.log"), numbered(0..5));
    let running = yard.follow("*.log");
    yard.wait_for_lines(5).await;
    running.stop().await;
    write(&yard.at("app.log"), numbered(5..9));
    let running = yard.follow("*.log");
    yard.wait_for_lines(9).await;
    running.stop().await;
    assert_numbered(&yard.sink.lines(), 9);
}

#[tokio::test]
async fn rotations_while_nobody_looked_cost_no_line() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    write(&yard.at("app.log.9"), "from before the first start\n");
    append(&yard.at("app.log.9")).set_modified(std::time::UNIX_EPOCH).unwrap();
    write(&live, numbered(0..3));
    let running = yard.follow("*.log");
    yard.wait_for_lines(3).await;
    running.stop().await;
    write(&live, numbered(3..5));
    rename(&live, yard.at("app.log.2")).unwrap();
    write(&live, numbered(5..7));
    rename(&live, yard.at("app.log.1")).unwrap();
    write(&live, numbered(7..9));
    let running = yard.follow("*.log");
    yard.wait_for_lines(9).await;
    running.stop().await;
    assert_numbered(&yard.sink.lines(), 9);
}

#[tokio::test]
async fn another_file_with_the_same_inode_begins_at_its_first_line() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    write(&live, "the old content\n");
    let running = yard.follow("*.log");
    yard.wait_for_lines(1).await;
    running.stop().await;
    std::fs::write(&live, "new content that is longer than the old\n").unwrap();
    let running = yard.follow("*.log");
    yard.wait_for_lines(2).await;
    running.stop().await;
    assert_eq!(yard.sink.bodies()[1], "new content that is longer than the old");
}

/// Crashes fall anywhere, also between the store's commit and the next checkpoint; the store counts equal lines once.
#[test]
fn crashes_at_any_moment_neither_lose_nor_double_a_line() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let count = 4_000;
    for round in 0..20 {
        write(&live, numbered(round * 200..(round + 1) * 200));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = FileOptions { batch_bytes: 300, turn_bytes: 100, ..yard.options(&["*.log"]) };
        let _running = runtime.block_on(async {
            let running = yard.start(options);
            tokio::time::sleep(Duration::from_millis(3 + 4 * round as u64 % 17)).await;
            running
        });
        runtime.shutdown_timeout(Duration::from_secs(20));
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = yard.follow("*.log");
        yard.sink.wait_for(|lines| lines.iter().any(|line| line.body == format!("line {}", count - 1))).await;
        running.stop().await;
    });
    let mut lines: Vec<Arrived> = yard.sink.distinct().into_iter().collect();
    lines.sort_by_key(|line| line.at);
    assert_numbered(&lines, count);
}

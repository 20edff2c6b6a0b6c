//! Rename, copy-truncate, deletion.

use super::*;
use std::fs::{copy, remove_file, rename};

#[tokio::test]
async fn a_renamed_file_is_read_to_its_end_before_the_new_one() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    write(&live, "one\n");
    yard.wait_for_bodies(&["one"]).await;
    let mut old = append(&live);
    rename(&live, yard.at("app.log.1")).unwrap();
    old.write_all(b"two\nthree").unwrap();
    write(&live, "four\n");
    yard.wait_for_lines(4).await;
    running.stop().await;
    let mut bodies = yard.sink.bodies();
    assert_eq!(bodies[1], "two", "the old file comes first");
    bodies.sort();
    assert_eq!(bodies, ["four", "one", "three", "two"]);
    assert!(yard.sink.lines().iter().all(|line| line.labels.get("filename") == live.to_str()));
}

#[tokio::test]
async fn no_line_is_missed_or_repeated_when_a_fast_writer_rotates_by_rename() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    let count = 20_000;
    write(&live, "line 0\n");
    yard.wait_for_lines(1).await;
    let writer = {
        let dir = yard.at("");
        tokio::task::spawn_blocking(move || {
            let live = dir.join("app.log");
            let mut file = append(&live);
            for n in 1..count {
                writeln!(file, "line {n}").unwrap();
                if n % 500 == 499 {
                    for generation in (1..50).rev() {
                        let name = |g: usize| dir.join(format!("app.log.{g}"));
                        let _ = rename(name(generation), name(generation + 1));
                    }
                    rename(&live, dir.join("app.log.1")).unwrap();
                    file = append(&live);
                    std::thread::sleep(Duration::from_millis(7));
                }
            }
        })
    };
    writer.await.unwrap();
    yard.wait_for_lines(count).await;
    running.stop().await;
    assert_numbered(&yard.sink.lines(), count);
    assert!(yard.sink.lines().iter().all(|line| line.labels.get("filename") == live.to_str()));
}

#[tokio::test]
async fn rotated_files_that_match_the_pattern_are_not_read_again() {
    let yard = Yard::new();
    let running = yard.follow("app.log*");
    for (round, body) in ["one\n", "two\n", "three\n"].into_iter().enumerate() {
        write(&yard.at("app.log"), body);
        yard.wait_for_lines(round + 1).await;
        let _ = rename(yard.at("app.log.1"), yard.at("app.log.2"));
        rename(yard.at("app.log"), yard.at("app.log.1")).unwrap();
        running.wait_for_rotations(round + 1).await;
    }
    write(&yard.at("app.log.1.gz"), "compressed\n");
    write(&yard.at("app.log"), "four\n");
    yard.wait_for_bodies(&["one", "two", "three", "four"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_truncated_file_begins_again() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    write(&live, numbered(0..3));
    yard.wait_for_lines(3).await;
    File::options().write(true).open(&live).unwrap().set_len(0).unwrap();
    write(&live, "line 3\n");
    yard.wait_for_lines(4).await;
    assert_numbered(&yard.sink.lines(), 4);
    running.stop().await;
}

#[tokio::test]
async fn a_file_that_was_truncated_and_grew_past_the_old_length_begins_again() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    write(&live, "line 0\n");
    yard.wait_for_lines(1).await;
    std::fs::write(&live, "line 1\nline 2\nline 3\n").unwrap();
    yard.wait_for_lines(4).await;
    assert_numbered(&yard.sink.lines(), 4);
    running.stop().await;
}

#[tokio::test]
async fn what_was_not_read_before_a_copy_truncate_is_read_from_the_copy() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("app.log*");
    write(&live, numbered(0..10));
    yard.wait_for_lines(10).await;
    yard.sink.fail_next(4);
    write(&live, numbered(10..20));
    wait_until(|| "a failed attempt".to_owned(), || yard.sink.failures_left() < 4).await;
    write(&live, numbered(20..30));
    copy(&live, yard.at("app.log.1")).unwrap();
    File::options().write(true).open(&live).unwrap().set_len(0).unwrap();
    write(&live, numbered(30..40));
    yard.wait_for_lines(40).await;
    write(&live, "line 40\n");
    yard.sink.wait_for(|lines| lines.iter().any(|line| line.body == "line 40")).await;
    assert_numbered(&yard.sink.lines(), 41);
    running.stop().await;
}

#[tokio::test]
async fn a_deleted_file_is_read_to_its_end_and_closed() {
    let yard = Yard::new();
    let live = yard.at("app.log");
    let running = yard.follow("*.log");
    write(&live, "one\n");
    yard.wait_for_lines(1).await;
    let mut old = append(&live);
    remove_file(&live).unwrap();
    old.write_all(b"two\nlast words").unwrap();
    drop(old);
    yard.wait_for_bodies(&["one", "two", "last words"]).await;
    wait_until(|| "the handle of a deleted file is let go".to_owned(), || !holds_deleted(&live)).await;
    write(&live, "three\n");
    yard.wait_for_lines(4).await;
    running.stop().await;
}

fn holds_deleted(path: &Path) -> bool {
    let deleted = format!("{} (deleted)", path.display());
    let handles = std::fs::read_dir("/proc/self/fd").unwrap();
    handles.filter_map(|h| std::fs::read_link(h.ok()?.path()).ok()).any(|target| target.as_os_str() == &*deleted)
}

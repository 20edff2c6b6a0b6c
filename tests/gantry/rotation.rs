//! Files that are rotated while Gantry reads them and while it is down: every line once.

use crate::harness::{Launch, Server, eventually, now_ns};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ARRIVAL: Duration = Duration::from_secs(20);
const HOUR: u64 = 3_600_000_000_000;

/// Writes numbered lines to a file, as a program does that opens it anew after a rotation.
#[derive(Debug)]
struct Program {
    path: PathBuf,
    written: usize,
}

impl Program {
    fn write(&mut self, count: usize) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
        for _ in 0..count {
            self.written += 1;
            writeln!(file, "line {} of the program", self.written).unwrap();
        }
    }

    fn rename(&self, suffix: &str) {
        fs::rename(&self.path, self.beside(suffix)).unwrap();
    }

    /// As `logrotate` does with `copytruncate`.
    fn copy_truncate(&self, suffix: &str) {
        fs::copy(&self.path, self.beside(suffix)).unwrap();
        OpenOptions::new().write(true).truncate(true).open(&self.path).unwrap();
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("{}.{suffix}", self.path.display()))
    }
}

fn launch(patterns: &str) -> (Launch, Program) {
    let launch = Launch::new().collecting();
    let logs = launch.scratch().join("logs");
    fs::create_dir(&logs).unwrap();
    let file = launch.scratch().join("collect.toml");
    let config = format!(
        "[collect]\ncontainers = false\n[[collect.files]]\nname = \"program\"\ninclude = [\"{}/{patterns}\"]\n\
         labels = {{ app = \"program\" }}\ndiscover_every = \"100ms\"\nrotate_wait = \"1s\"\n",
        logs.display()
    );
    fs::write(&file, config).unwrap();
    let program = Program { path: logs.join("app.log"), written: 0 };
    (launch.arg("--config").arg(&file), program)
}

async fn found(server: &Server) -> Vec<usize> {
    let lines = server.loki.lines(r#"{app="program"}"#, now_ns() - 600_000_000_000, now_ns() + 1_000_000_000).await;
    let number = |text: &str| text.split(' ').nth(1).unwrap().parse().unwrap();
    let mut numbers: Vec<usize> = lines.iter().map(|(_, text)| number(text)).collect();
    numbers.sort_unstable();
    numbers
}

/// Waits until as many lines are found as were written; then they must be the right ones, each once.
async fn arrived(server: &Server, program: &Program) {
    eventually("every line arrives", ARRIVAL, async || (found(server).await.len() >= program.written).then_some(()))
        .await;
    let wanted: Vec<usize> = (1..=program.written).collect();
    assert_eq!(found(server).await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_from_its_first_line_and_followed_through_renames() {
    let (launch, mut program) = launch("app.log*");
    program.write(200);
    let server = launch.start().await;
    for round in 0..4 {
        program.write(100);
        program.rename(&round.to_string());
        program.write(50);
    }
    arrived(&server, &program).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_copied_and_truncated_is_read_on_from_its_new_start() {
    let (launch, mut program) = launch("app.log");
    let server = launch.start().await;
    program.write(100);
    arrived(&server, &program).await;
    program.copy_truncate("1");
    program.write(30);
    arrived(&server, &program).await;
    program.copy_truncate("2");
    // Grows past its old size before anybody looks: only the content tells that it is another file.
    program.write(500);
    arrived(&server, &program).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_while_gantry_is_down_lose_and_repeat_nothing() {
    let (launch, mut program) = launch("app.log*");
    program.write(100);
    let server = launch.start().await;
    arrived(&server, &program).await;
    server.stop().await;
    program.write(40);
    program.rename("1");
    program.write(60);
    let server = launch.start().await;
    arrived(&server, &program).await;
    server.stop().await;
    let server = launch.start().await;
    program.write(1);
    arrived(&server, &program).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_every_line_of_a_file_is_found() {
    let (launch, mut program) = launch("app.log*");
    let server = launch.start().await;
    for _ in 0..3 {
        program.write(100);
        eventually("some lines arrive", ARRIVAL, async || (!found(&server).await.is_empty()).then_some(())).await;
    }
    server.kill();
    program.write(100);
    let server = launch.start().await;
    eventually("every line arrives", ARRIVAL, async || {
        let mut numbers = found(&server).await;
        numbers.dedup();
        (numbers.len() >= program.written).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn container_files_carry_the_labels_of_their_path_and_joined_lines() {
    let (launch, _) = launch("**/*.log");
    let pod = launch.scratch().join("logs/pods/shop_web-7d9f_0a1b2c3d-0000-0000-0000-000000000000/server");
    fs::create_dir_all(&pod).unwrap();
    write_container_file(&pod);
    let server = launch.start().await;
    // 2024-05-14T10:00:00Z
    let at = 1_715_680_800_000_000_000;
    let query = r#"{namespace="shop", pod="web-7d9f", container="server", stream="stderr"}"#;
    let line = eventually("the joined line arrives", ARRIVAL, async || {
        server.loki.lines(query, at, at + HOUR).await.into_iter().next()
    })
    .await;
    assert_eq!(line, (at + 1_000_000_000, "first half second half".to_owned()));
    let out = server.loki.lines(r#"{pod="web-7d9f", stream="stdout"}"#, at, at + HOUR).await;
    assert_eq!(out, [(at + 5, "hello".to_owned())]);
    server.stop().await;
}

fn write_container_file(dir: &Path) {
    let lines = "2024-05-14T10:00:00.000000005Z stdout F hello\n\
                 2024-05-14T10:00:01.000000000Z stderr P first half \n\
                 2024-05-14T10:00:01.000000009Z stderr F second half\n";
    fs::write(dir.join("0.log"), lines).unwrap();
}

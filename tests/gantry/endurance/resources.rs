//! What the process holds, looked at when nothing is under way: memory, file handles, threads.

use crate::harness::{Server, eventually};
use std::fs;
use std::time::{Duration, Instant};

/// Growth that is no leak: what the allocator keeps, and metadata of the data itself.
const MEMORY_SHARE: f64 = 0.15;
const MEMORY_BYTES: u64 = 24 << 20;
/// The allocator gives freed pages back after two seconds.
const SETTLES: Duration = Duration::from_secs(3);
const HANDLES: usize = 16;
const THREADS: u64 = 16;

#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub rss: u64,
    pub handles: usize,
    pub threads: u64,
}

impl Sample {
    /// When memory does not fall any more.
    pub async fn settled(server: &Server) -> Sample {
        let (started, mut least) = (Instant::now(), Sample::take(server));
        eventually("memory has settled", 2 * SETTLES, async || {
            let now = Sample::take(server);
            if now.rss < least.rss {
                least = now;
            }
            (started.elapsed() > SETTLES).then_some(())
        })
        .await;
        least
    }

    fn take(server: &Server) -> Sample {
        let process = format!("/proc/{}", server.pid());
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let handles = fs::read_dir(format!("{process}/fd")).unwrap().count();
        Sample { rss: number("VmRSS:") << 10, handles, threads: number("Threads:") }
    }
}

/// The first third of the samples warms up. After it nothing may grow: the last third is compared with the middle one.
pub fn growth(samples: &[Sample]) -> Vec<String> {
    let third = samples.len() / 3;
    assert!(third > 0, "too few samples to see a trend: {samples:?}");
    let (before, after) = (&samples[third..samples.len() - third], &samples[samples.len() - third..]);
    let mut problems = Vec::new();
    let least = |part: &[Sample], of: fn(&Sample) -> u64| part.iter().map(of).min().unwrap();
    let rss = (least(before, |s| s.rss), least(after, |s| s.rss));
    if rss.1 > rss.0 + MEMORY_BYTES.max((rss.0 as f64 * MEMORY_SHARE) as u64) {
        problems.push(format!("memory grows: {} MB, later {} MB", rss.0 >> 20, rss.1 >> 20));
    }
    let handles = (least(before, |s| s.handles as u64), least(after, |s| s.handles as u64));
    if handles.1 > handles.0 + HANDLES as u64 {
        problems.push(format!("file handles grow: {} and later {}", handles.0, handles.1));
    }
    let threads = (least(before, |s| s.threads), least(after, |s| s.threads));
    if threads.1 > threads.0 + THREADS {
        problems.push(format!("threads grow: {} and later {}", threads.0, threads.1));
    }
    problems
}

#[test]
fn growth_is_seen_and_what_goes_up_and_down_is_not() {
    let sample = |mb: u64, handles| Sample { rss: mb << 20, handles, threads: 20 };
    let steady: Vec<Sample> = [90, 140, 150, 180, 145, 170, 150, 190, 148].map(|mb| sample(mb, 40)).into();
    assert!(growth(&steady).is_empty());
    let leaking: Vec<Sample> = (0..9).map(|n| sample(100 + 20 * n, 40)).collect();
    assert_eq!(growth(&leaking).len(), 1);
    let holding: Vec<Sample> = (0..9).map(|n| sample(100, 40 + 10 * n as usize)).collect();
    assert_eq!(growth(&holding).len(), 1);
}

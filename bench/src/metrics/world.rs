//! The scraped world: pods with counters, gauges and histograms, some of which are replaced while it goes on.

use crate::rng::Rng;
use std::ops::Range;

/// 2024-05-14T10:40:00Z in milliseconds.
pub const START_MS: i64 = 1_715_683_200_000;
pub const STEP_MS: i64 = 15_000;

const NAMESPACES: [&str; 5] = ["shop", "billing", "search", "media", "platform"];
/// Upper bounds of the buckets, in seconds.
const BOUNDS: [&str; 12] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
/// Share of the requests below each bound, for a pod of middling speed.
const BELOW: [f64; 12] = [0.02, 0.08, 0.25, 0.48, 0.7, 0.88, 0.95, 0.98, 0.992, 0.997, 0.999, 1.0];

/// What one pod tells at every scrape between two of them.
#[derive(Debug)]
pub struct Target {
    pub series: Vec<Series>,
    /// Scrapes at which it is there.
    pub alive: Range<usize>,
    /// Milliseconds after the start of a step: no sample lies on the edge of a window.
    pub offset_ms: i64,
}

#[derive(Debug)]
pub struct Series {
    /// Sorted by name.
    pub labels: Vec<(String, String)>,
    value: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// So many events a scrape on average.
    Counter(f64),
    /// Counts in steps of a hundredth.
    Seconds(f64),
    /// Walks in pages of memory.
    Pages,
    /// Walks among small whole numbers.
    Few,
    Fixed,
}

impl Series {
    /// Its value at the next scrape; `busy` is how much there is to do, 1 on average.
    pub fn next(&mut self, busy: f64, rng: &mut Rng) -> f64 {
        match self.kind {
            Kind::Counter(events) => self.value += count(events * busy, rng),
            Kind::Seconds(seconds) => {
                self.value = ((self.value + seconds * busy * rng.unit() * 2.0) * 1e2).round() / 1e2
            }
            Kind::Pages => self.value = (self.value + (rng.below(65) as f64 - 32.0) * 4096.0).max(4096.0),
            Kind::Few if rng.chance(0.3) => self.value = (self.value + rng.below(7) as f64 - 3.0).max(0.0),
            Kind::Few | Kind::Fixed => {}
        }
        self.value
    }
}

/// A whole number around `mean`.
fn count(mean: f64, rng: &mut Rng) -> f64 {
    let spread: f64 = (0..4).map(|_| rng.unit()).sum::<f64>() - 2.0;
    let drawn = mean + spread * mean.sqrt() * 1.7;
    drawn.floor().max(0.0) + if rng.chance(drawn.fract().abs()) { 1.0 } else { 0.0 }
}

/// About `series` series at any time over `scrapes` scrapes. Every eighth pod is replaced by another one on the way.
pub fn world(series: usize, scrapes: usize, rng: &mut Rng) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    let (mut there, mut pod) = (0, 0);
    while there < series {
        let replaced = pod % 8 == 7;
        let until = if replaced { 1 + rng.index(scrapes.max(2) - 1) } else { scrapes };
        let first = target(pod, pod, 0..until, rng);
        there += first.series.len();
        targets.push(first);
        if replaced {
            // Another name, the same work.
            targets.push(target(pod, pod + 1_000_000, until..scrapes, rng));
        }
        pod += 1;
    }
    targets
}

fn target(pod: usize, name: usize, alive: Range<usize>, rng: &mut Rng) -> Target {
    let job = pod % 10;
    let namespace = NAMESPACES[job % NAMESPACES.len()];
    let own = [
        ("instance", format!("10.{}.{}.{}:8080", name >> 16 & 255, name >> 8 & 255, name & 255)),
        ("job", format!("app-{job}")),
        ("namespace", namespace.to_owned()),
        ("node", format!("node-{:02}", pod % 24)),
        ("pod", format!("app-{job}-{:08x}-{:05x}", job.wrapping_mul(0x9e37_79b9), name * 7919)),
    ];
    let mut made = Made { own: &own, series: Vec::new() };
    requests(&mut made, rng);
    container(&mut made, rng);
    runtime(&mut made, rng);
    Target { series: made.series, alive, offset_ms: 1 + rng.below(STEP_MS as u64 - 1) as i64 }
}

struct Made<'a> {
    own: &'a [(&'static str, String)],
    series: Vec<Series>,
}

impl Made<'_> {
    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64, kind: Kind) {
        let own = self.own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let more = [("__name__", name)].into_iter().chain(labels.iter().copied());
        let mut labels: Vec<_> = own.chain(more.map(|(n, v)| (n.to_owned(), v.to_owned()))).collect();
        labels.sort();
        self.series.push(Series { labels, value, kind });
    }
}

fn requests(made: &mut Made<'_>, rng: &mut Rng) {
    let rate = 20.0 + rng.unit() * 400.0;
    for (method, share) in [("GET", 0.8), ("POST", 0.18), ("DELETE", 0.02)] {
        for (code, part) in [("200", 0.96), ("404", 0.025), ("429", 0.01), ("500", 0.005)] {
            let labels = [("method", method), ("code", code)];
            made.add("http_requests_total", &labels, rng.below(5_000_000) as f64, Kind::Counter(rate * share * part));
        }
    }
    let (mut below, mut before, slow) = (0.0, 0.0, 0.6 + rng.unit() * 0.8);
    for (bound, share) in BOUNDS.iter().zip(BELOW) {
        // A bucket counts what the one before it counts as well: it starts higher and never falls below.
        let share = share.powf(slow);
        below += rng.below(50_000) as f64;
        let kind = Kind::Counter(rate * share.max(before));
        made.add("http_request_duration_seconds_bucket", &[("le", bound)], below, kind);
        before = share;
    }
    made.add("http_request_duration_seconds_count", &[], below, Kind::Counter(rate));
    made.add("http_request_duration_seconds_sum", &[], below * 0.13, Kind::Seconds(rate * 0.13));
}

fn container(made: &mut Made<'_>, rng: &mut Rng) {
    let container = [("container", "main")];
    made.add(
        "container_cpu_usage_seconds_total",
        &container,
        rng.below(90_000) as f64,
        Kind::Seconds(rng.unit() * 9.0),
    );
    for name in ["working_set_bytes", "rss", "cache", "usage_bytes"] {
        let pages = 4096.0 * (10_000 + rng.below(200_000)) as f64;
        made.add(&format!("container_memory_{name}"), &container, pages, Kind::Pages);
    }
    for interface in ["eth0", "lo"] {
        for (name, mean) in [
            ("receive_bytes", 90_000.0),
            ("receive_packets", 400.0),
            ("transmit_bytes", 140_000.0),
            ("transmit_packets", 350.0),
        ] {
            let labels = [("interface", interface)];
            let start = rng.below(1 << 36) as f64;
            made.add(
                &format!("container_network_{name}_total"),
                &labels,
                start,
                Kind::Counter(mean * rng.unit() * 2.0),
            );
        }
    }
    for name in ["reads_bytes", "writes_bytes"] {
        let start = 4096.0 * rng.below(1 << 20) as f64;
        made.add(&format!("container_fs_{name}_total"), &[("device", "/dev/vda")], start, Kind::Counter(3000.0));
    }
}

fn runtime(made: &mut Made<'_>, rng: &mut Rng) {
    made.add("up", &[], 1.0, Kind::Fixed);
    made.add("process_start_time_seconds", &[], 1_715_000_000.0 + rng.below(600_000) as f64, Kind::Fixed);
    made.add("process_open_fds", &[], 40.0, Kind::Few);
    made.add("process_threads", &[], 18.0, Kind::Few);
    made.add("go_goroutines", &[], 120.0, Kind::Few);
    made.add("go_memstats_alloc_bytes", &[], 4096.0 * 9_000.0, Kind::Pages);
    made.add("go_memstats_alloc_bytes_total", &[], rng.below(1 << 40) as f64, Kind::Counter(7_000_000.0));
    made.add("queue_length", &[("queue", "work")], 3.0, Kind::Few);
    for quantile in ["0", "0.5", "1"] {
        made.add("go_gc_duration_seconds", &[("quantile", quantile)], 0.0, Kind::Seconds(0.001));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_the_same_for_the_same_seed_and_pods_come_and_go() {
        let all =
            |world: Vec<Target>| -> Vec<_> { world.into_iter().flat_map(|t| t.series).map(|s| s.labels).collect() };
        let targets = world(10_000, 960, &mut Rng::new(1));
        let there = |at: usize| targets.iter().filter(|t| t.alive.contains(&at)).map(|t| t.series.len()).sum::<usize>();
        assert!((10_000..10_100).contains(&there(0)) && there(0) == there(959), "{} {}", there(0), there(959));
        let labels = all(targets);
        assert!((11_000..12_000).contains(&labels.len()), "{}", labels.len());
        assert_eq!(labels, all(world(10_000, 960, &mut Rng::new(1))));
        let distinct: std::collections::HashSet<_> = labels.iter().collect();
        assert_eq!(distinct.len(), labels.len());
    }

    #[test]
    fn counters_never_fall() {
        let mut rng = Rng::new(3);
        let mut series = Series { labels: Vec::new(), value: 5.0, kind: Kind::Counter(0.4) };
        let values: Vec<f64> = (0..1000).map(|_| series.next(1.0, &mut rng)).collect();
        assert!(values.is_sorted() && values[999] > 100.0 && values[999] < 1000.0, "{}", values[999]);
    }
}

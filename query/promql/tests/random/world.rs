//! Two hours of a few hundred series, scraped every 15 s.
//!
//! No sample lies on a whole second: a window or a lookback that ends there holds the same samples whether its first
//! instant belongs to it (Prometheus 2) or not (Prometheus 3). Counters never come near zero, where the two
//! extrapolate differently.

use super::Chance;

/// 2026-03-01T00:00:00Z.
pub const START_MS: i64 = 1_772_323_200_000;
pub const END_MS: i64 = START_MS + 2 * 3_600_000;
const STEP_MS: i64 = 15_000;
const SCRAPES: i64 = (END_MS - START_MS) / STEP_MS;

/// The value that says that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What a generator of queries may know of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// Counters only grow, but for resets.
    pub is_counter: bool,
    /// No two samples have the same value.
    pub is_distinct: bool,
}

const JOBS: &[&str] = &["api", "db", "web"];
const INSTANCES: &[&str] = &["0", "1", "2", "3"];
const CODES: &[&str] = &["200", "404", "500"];
const BOUNDS: &[&str] = &["0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"];
const TEXTS: &[&str] = &["a b", "ä\u{1f980}", "say \"hi\"", "back\\slash", "{x=\"y\"}", "tab\there", "", "1e3"];

impl Metric {
    pub const ALL: &'static [Metric] = &[
        Metric {
            name: "requests_total",
            labels: &[("job", JOBS), ("instance", INSTANCES), ("code", CODES)],
            is_counter: true,
            is_distinct: false,
        },
        Metric {
            name: "level",
            labels: &[("job", JOBS), ("instance", INSTANCES), ("zone", &["east", "west"])],
            is_counter: false,
            is_distinct: true,
        },
        Metric {
            name: "temperature",
            labels: &[("instance", INSTANCES), ("room", &["attic", "cellar"])],
            is_counter: false,
            is_distinct: true,
        },
        Metric {
            name: "latency_bucket",
            labels: &[("job", JOBS), ("instance", &["0", "1"]), ("le", BOUNDS)],
            is_counter: true,
            is_distinct: false,
        },
        Metric {
            name: "owner",
            labels: &[("job", JOBS), ("team", &["red", "blue"])],
            is_counter: false,
            is_distinct: false,
        },
        Metric {
            name: "build_info",
            labels: &[("job", JOBS), ("instance", INSTANCES), ("version", &["v0", "v1", "v2"])],
            is_counter: false,
            is_distinct: false,
        },
        Metric { name: "odd", labels: &[("text", TEXTS)], is_counter: false, is_distinct: false },
        Metric { name: "sparse_total", labels: &[("n", &["0", "1", "2"])], is_counter: true, is_distinct: false },
        Metric {
            name: "churn",
            labels: &[("pod", &["p1", "p20", "p33"]), ("job", JOBS)],
            is_counter: false,
            is_distinct: true,
        },
    ];
}

/// Labels sorted by name, samples in milliseconds.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Vec<(String, String)>,
    pub samples: Vec<(i64, f64)>,
}

struct Maker<'c> {
    chance: &'c mut Chance,
    made: Vec<Series>,
}

/// All series.
pub fn world(chance: &mut Chance) -> Vec<Series> {
    let mut maker = Maker { chance, made: Vec::new() };
    for job in JOBS {
        maker.job(job);
    }
    for room in ["attic", "cellar"] {
        for instance in INSTANCES {
            maker.gauge("temperature", &[("instance", instance), ("room", room)], (-20.0, 30.0));
        }
    }
    maker.odd();
    for n in ["0", "1", "2"] {
        let scrapes: Vec<i64> = (0..SCRAPES).filter(|scrape| scrape % 16 == 3).collect();
        maker.counter("sparse_total", &[("n", n)], &scrapes);
    }
    for pod in 0..60 {
        let (name, job) = (format!("p{pod}"), maker.chance.pick(JOBS));
        let first = maker.chance.below(SCRAPES as usize - 40) as i64;
        let last = first + 10 + maker.chance.below(80) as i64;
        let values: Vec<_> = (first..last).map(|scrape| (scrape, maker.chance.share() * 10.0)).collect();
        maker.put("churn", &[("job", job), ("pod", &name)], &values, true);
    }
    maker.made
}

impl Maker<'_> {
    fn job(&mut self, job: &str) {
        for instance in INSTANCES {
            for code in CODES {
                let all: Vec<i64> = (0..SCRAPES).collect();
                self.counter("requests_total", &[("code", code), ("instance", instance), ("job", job)], &all);
            }
            let zone = if *instance < "2" { "east" } else { "west" };
            self.gauge("level", &[("instance", instance), ("job", job), ("zone", zone)], (-100.0, 1000.0));
            if *instance < "2" {
                self.histogram(job, instance);
            }
            let mut from = 0;
            for version in ["v0", "v1", "v2"] {
                let until = if version == "v2" { SCRAPES } else { from + 60 + self.chance.below(160) as i64 };
                let ones: Vec<_> = (from..until.min(SCRAPES)).map(|scrape| (scrape, 1.0)).collect();
                self.put("build_info", &[("instance", instance), ("job", job), ("version", version)], &ones, true);
                from = until;
            }
        }
        let team = if job == "db" { "red" } else { "blue" };
        let ones: Vec<_> = (0..SCRAPES).map(|scrape| (scrape, 1.0)).collect();
        self.put("owner", &[("job", job), ("team", team)], &ones, false);
    }

    fn counter(&mut self, name: &str, labels: &[(&str, &str)], scrapes: &[i64]) {
        let mut value = 50_000.0 + (self.chance.share() * 1e5).floor();
        let gaps = !self.chance.one_in(3);
        let mut values = Vec::new();
        for scrape in scrapes {
            value += self.chance.below(9) as f64;
            if self.chance.one_in(90) {
                value = (value * 0.8).floor();
            }
            if !(gaps && self.chance.one_in(40)) {
                values.push((*scrape, value));
            }
        }
        self.put(name, labels, &values, false);
    }

    fn gauge(&mut self, name: &str, labels: &[(&str, &str)], (low, high): (f64, f64)) {
        let mut values = Vec::new();
        let mut scrape = 0;
        while scrape < SCRAPES {
            if self.chance.one_in(50) {
                // A gap: with a marker of its start or without.
                if self.chance.one_in(2) {
                    values.push((scrape, f64::from_bits(STALE)));
                }
                scrape += 1 + self.chance.below(60) as i64;
                continue;
            }
            values.push((scrape, low + self.chance.share() * (high - low)));
            scrape += 1;
        }
        self.put(name, labels, &values, false);
    }

    fn histogram(&mut self, job: &str, instance: &str) {
        let mut counts = [50_000.0; BOUNDS.len()];
        let mut buckets = vec![Vec::new(); BOUNDS.len()];
        for scrape in 0..SCRAPES {
            for _ in 0..self.chance.below(20) {
                let at = self.chance.below(BOUNDS.len());
                counts[at..].iter_mut().for_each(|count| *count += 1.0);
            }
            for (values, count) in buckets.iter_mut().zip(counts) {
                values.push((scrape, count));
            }
        }
        for (values, le) in buckets.iter().zip(BOUNDS) {
            self.put("latency_bucket", &[("instance", instance), ("job", job), ("le", le)], values, false);
        }
    }

    /// Labels with characters that need care, values that are no common numbers.
    fn odd(&mut self) {
        let values = [0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e100, 1e-100, 0.1];
        for text in TEXTS {
            let mut chosen = Vec::new();
            for scrape in 0..SCRAPES {
                chosen.push((scrape, self.chance.pick(&values)));
            }
            self.put("odd", &[("text", text)], &chosen, false);
        }
    }

    /// Values at scrapes; each series is scraped at a moment of its own.
    fn put(&mut self, name: &str, labels: &[(&str, &str)], values: &[(i64, f64)], ends: bool) {
        let phase = self.chance.below(14) as i64 * 1000;
        let mut at = |scrape: i64| START_MS + scrape * STEP_MS + phase + 1 + self.chance.below(998) as i64;
        let mut samples: Vec<(i64, f64)> = values.iter().map(|(scrape, value)| (at(*scrape), *value)).collect();
        if let Some((last, _)) = values.last().filter(|(last, _)| ends && last + 1 < SCRAPES) {
            samples.push((at(last + 1), f64::from_bits(STALE)));
        }
        let all = [("__name__", name)].into_iter().chain(labels.iter().copied());
        let labels = all.filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        self.made.push(Series { labels, samples });
    }
}

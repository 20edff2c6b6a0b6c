//! Bytes and time per sample of typical series: `cargo run --release -p gantry-chunk --example figures`.

use gantry_chunk::{Scratch, Tail, frame};
use std::hint::black_box;
use std::time::Instant;

/// Four hours at 15 seconds.
const SAMPLES: usize = 960;
const SERIES: usize = 200;
const ROUNDS: usize = 20;

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// About normal, of deviation one.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0
    }
}

type Kind = (&'static str, fn(&mut Random) -> Vec<f64>);

fn walk(random: &mut Random, mut step: impl FnMut(&mut Random, f64) -> f64) -> Vec<f64> {
    let mut value = 0.0;
    (0..SAMPLES)
        .map(|_| {
            value = step(random, value);
            value
        })
        .collect()
}

const KINDS: [Kind; 8] = [
    ("counter, 100 +- 10 a scrape", |random| walk(random, |r, v| v + (100.0 + 10.0 * r.normal()).round().max(0.0))),
    ("counter of bytes, 1e6 +- 1e5", |random| walk(random, |r, v| v + (1e6 + 1e5 * r.normal()).round())),
    ("counter of seconds, 2 decimals", |random| {
        walk(random, |r, v| ((v + 0.15 + 0.02 * r.normal()).max(v) * 100.0).round() / 100.0)
    }),
    ("bucket of a histogram, rare", |random| walk(random, |r, v| v + if r.below(10) == 0 { 1.0 } else { 0.0 })),
    ("bucket of a histogram, busy", |random| walk(random, |r, v| v + r.below(8) as f64)),
    ("gauge, 2 decimals", |random| walk(random, |r, v| ((v + r.normal()) * 100.0).round() / 100.0)),
    ("gauge of pages", |random| walk(random, |r, v| v + 4096.0 * (20.0 * r.normal()).round())),
    ("constant", |_| vec![1.0; SAMPLES]),
];

fn main() {
    println!("{:<32} {:>8} {:>8} {:>10} {:>10} {:>10}", "", "B/sample", "head", "encode ns", "append ns", "decode M/s");
    let times: Vec<i64> = (0..SAMPLES as i64).map(|n| 1_767_225_600_000 + n * 15_000).collect();
    let mut scratch = Scratch::default();
    let (mut sum, mut heads) = (0.0, 0.0);
    for (name, make) in KINDS {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let series: Vec<Vec<f64>> = (0..SERIES).map(|_| make(&mut random)).collect();
        let all = (SERIES * SAMPLES) as f64;
        let started = Instant::now();
        let mut frames = Vec::new();
        for values in &series {
            let mut out = Vec::new();
            frame::put(&mut out, &times, values, &mut scratch);
            frames.push(out);
        }
        let encode = started.elapsed().as_nanos() as f64 / all;
        let started = Instant::now();
        let mut memory = 0;
        for values in &series {
            let mut tail = Tail::default();
            times.iter().zip(values).for_each(|(time, value)| tail.push(*time, *value, &mut scratch));
            memory += tail.view().bytes();
        }
        let append = started.elapsed().as_nanos() as f64 / all;
        let started = Instant::now();
        let (mut read_times, mut read_values) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for frames in &frames {
                read_times.clear();
                read_values.clear();
                frame::read(frames, (0, i64::MAX), &mut scratch, &mut read_times, &mut read_values).expect("whole");
                black_box((&read_times, &read_values));
            }
        }
        let decode = ROUNDS as f64 * all / started.elapsed().as_secs_f64() / 1e6;
        let size = frames.iter().map(Vec::len).sum::<usize>() as f64 / all;
        let head = memory as f64 / all;
        println!("{name:<32} {size:>8.2} {head:>8.2} {encode:>10.1} {append:>10.1} {decode:>10.0}");
        sum += size;
        heads += head;
    }
    println!("{:<32} {:>8.2} {:>8.2}", "mean", sum / KINDS.len() as f64, heads / KINDS.len() as f64);
}

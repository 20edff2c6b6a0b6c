//! What the metric store costs without receivers and query language:
//! `cargo run --release --workspace --example metric_figures [series] [scrapes]`; ten thousand series of four hours at 15 seconds
//! unless told otherwise. Counters, gauges and buckets, in requests of 2000 samples.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use gantry_model::metric::{MetricBatch, Samples};
use gantry_model::{MatchOp, Matcher, Selector, SystemClock, TenantId};
use gantry_store::{Store, StoreOptions};
use gantry_store_api::{AppendMetrics, MillisRange, QueryMetrics, SelectSeries};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;
use std::time::Instant;

const SERIES: u64 = 10_000;
const SCRAPES: u64 = 960;
const REQUEST: u64 = 2000;
/// At the same time.
const SENDERS: u64 = 4;

fn noise(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 29)
}

fn value(series: u64, scrape: u64, before: f64) -> f64 {
    let random = noise(series, scrape);
    match series % 5 {
        0 => before + (random % 20 + 90) as f64,
        1 => ((before + (random % 2000) as f64 / 100.0 - 10.0) * 100.0).round() / 100.0,
        2 => before + if random.is_multiple_of(8) { 1.0 } else { 0.0 },
        3 => before + (random % 8) as f64,
        _ => before + ((random % 41) as f64 - 20.0) * 4096.0,
    }
}

fn batch(at: i64, series: std::ops::Range<u64>, values: &[f64]) -> MetricBatch {
    let mut builder = MetricBatch::builder();
    for n in series {
        let (metric, instance) = (format!("metric_{:03}_total", n % 100), format!("host-{:04}:9100", n / 100));
        let labels = [
            ("__name__", metric.as_str()),
            ("cluster", "production-eu-1"),
            ("instance", instance.as_str()),
            ("job", if n % 2 == 0 { "node" } else { "api" }),
            ("namespace", "default"),
        ];
        builder.series(labels).expect("labels").sample(at, values[n as usize]);
    }
    builder.finish()
}

/// Seconds of CPU of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

async fn read(store: &Store, name: &str, matcher: Matcher) {
    let mut best = (f64::MAX, 0, 0);
    for _ in 0..5 {
        let started = Instant::now();
        let selector = Selector(vec![matcher.clone()]);
        let request = SelectSeries { selector, range: MillisRange::ALL, step_ms: 0, max_bytes: u64::MAX };
        let set = store.metric_querier(&TenantId::default_tenant()).select(&request).await.expect("a select");
        let (mut samples, mut count) = (Samples::default(), 0);
        for series in 0..set.labels().len() {
            set.read(series, &mut samples).expect("samples");
            count += samples.len();
        }
        let millis = started.elapsed().as_secs_f64() * 1e3;
        best = if millis < best.0 { (millis, set.labels().len(), count) } else { best };
    }
    println!("{name}: {:.1} ms for {} series, {} samples", best.0, best.1, best.2);
}

async fn reads(store: &Store, place: &str) {
    let matcher = |op, value: &str| Matcher::new("__name__", op, value).expect("a matcher");
    read(store, &format!("{place}, one metric"), matcher(MatchOp::Eq, "metric_000_total")).await;
    read(store, &format!("{place}, a tenth"), matcher(MatchOp::Regex, "metric_0[0-9]0_total|metric_.*")).await;
}

/// The alternative of ADR 12: a row for each sample, sorted by series and time, in Parquet's own encodings.
async fn plain_rows(store: &Store) -> parquet::errors::Result<usize> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("series", DataType::UInt32, false),
        Field::new("time", DataType::Int64, false),
        Field::new("value", DataType::Float64, false),
    ]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_column_dictionary_enabled("time".into(), false)
        .set_column_encoding("time".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled("value".into(), false)
        .set_column_encoding("value".into(), Encoding::BYTE_STREAM_SPLIT)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    let request = SelectSeries { selector: Selector::all(), range: MillisRange::ALL, step_ms: 0, max_bytes: u64::MAX };
    let set = store.metric_querier(&TenantId::default_tenant()).select(&request).await.expect("a select");
    let mut samples = Samples::default();
    for series in 0..set.labels().len() {
        set.read(series, &mut samples).expect("samples");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from(vec![series as u32; samples.len()])),
            Arc::new(Int64Array::from(samples.timestamps.clone())),
            Arc::new(Float64Array::from(samples.values.clone())),
        ];
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    Ok(writer.into_inner()?.len())
}

#[tokio::main]
async fn main() {
    let number = |at: usize, usual: u64| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (all_series, scrapes) = (number(1, SERIES), number(2, SCRAPES));
    let dir = tempfile::tempdir().expect("a directory");
    let options = StoreOptions { data: dir.path().to_owned(), ..StoreOptions::default() };
    let store = Store::open(options, Arc::new(SystemClock), &prometheus::Registry::new()).await.expect("a store");
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let mut values = vec![0.0; all_series as usize];
    let (mut spent, mut elapsed) = (0.0, 0.0);
    for scrape in 0..scrapes {
        for (series, value_of) in values.iter_mut().enumerate() {
            *value_of = value(series as u64, scrape, *value_of);
        }
        let at = now - (scrapes - scrape) as i64 * 15_000;
        let batches: Vec<_> =
            (0..all_series / REQUEST).map(|n| batch(at, n * REQUEST..(n + 1) * REQUEST, &values)).collect();
        let (before, started) = (cpu(), Instant::now());
        let mut sent = tokio::task::JoinSet::new();
        for batch in batches {
            let store = store.clone();
            sent.spawn(async move { store.append_metrics(&TenantId::default_tenant(), batch).await });
            if sent.len() as u64 >= SENDERS {
                let _ = sent.join_next().await;
            }
        }
        while let Some(commit) = sent.join_next().await {
            assert_eq!(commit.expect("a task").expect("a commit").samples, REQUEST);
        }
        spent += cpu() - before;
        elapsed += started.elapsed().as_secs_f64();
    }
    let millions = (all_series as f64 * scrapes as f64) / 1e6;
    println!(
        "append: {:.2} CPU s and {:.2} s per million samples, peak {} MiB",
        spent / millions,
        elapsed / millions,
        resident_mib()
    );
    reads(&store, "memory").await;
    let (before, started) = (cpu(), Instant::now());
    store.flush().await.expect("a flush");
    println!("flush: {:.2} CPU s, {:.2} s in all", cpu() - before, started.elapsed().as_secs_f64());
    reads(&store, "blocks").await;
    store.compact().await.expect("a merge");
    let mut bytes = 0;
    let mut open = vec![dir.path().join("objects")];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let about = entry.metadata().expect("a file");
            if about.is_dir() { open.push(entry.path()) } else { bytes += about.len() }
        }
    }
    let plain = plain_rows(&store).await.expect("a file") as f64 / millions / 1e6;
    println!("{plain:.3} bytes a sample as plain rows, without labels");
    println!("{:.3} bytes a sample in blocks, peak {} MiB", bytes as f64 / millions / 1e6, resident_mib());
}

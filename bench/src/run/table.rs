//! The printed tables, Markdown for the README: figures, ratios to `zstd` and `grep`, and which targets are met.

use super::mixed::{Beside, Mixed};
use super::{Measured, Size};
use crate::query::Target;
use crate::rows::Rows;
use std::fmt::{Display, Formatter, Result};

const CPU_TARGET: f64 = 2.5;
const DISK_TARGET: f64 = 0.85;
const INGEST_RSS_TARGET_MB: f64 = 400.0;
const QUERY_RSS_TARGET_MB: f64 = 300.0;
const TAIL_TARGET_MS: f64 = 50.0;
const CLEAN_TARGET_S: f64 = 1.0;
const KILLED_TARGET_S: f64 = 5.0;
const KEEPS_TARGET: f64 = 0.7;
const NEEDLE_GROWTH_TARGET: f64 = 3.0;
const MEMORY_GROWTH_TARGET: f64 = 1.3;
/// The queries that look for a needle.
const NEEDLES: [&str; 3] = ["Q2", "Q2b", "Q3"];

/// All tables of a run.
#[derive(Debug)]
pub struct Report<'a>(pub &'a Measured);

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let it = self.0;
        reference(it, f)?;
        let mut all = vec![ingest(it), queries(it), rest(it)];
        all.extend(it.tenth.as_ref().map(|tenth| growth(tenth, &it.size)));
        if let Some(mixed) = &it.mixed {
            all.extend([beside(mixed), mix(mixed)]);
        }
        for rows in &all {
            writeln!(f, "{rows}")?;
        }
        let missed: Vec<&str> = all.iter().flat_map(Rows::missed).collect();
        let met = all.iter().map(Rows::met).sum::<usize>();
        write!(f, "{met} targets met, {} missed{}", missed.len(), if missed.is_empty() { "" } else { ": " })?;
        write!(f, "{}", missed.join("; "))
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn reference(it: &Measured, f: &mut Formatter<'_>) -> Result {
    let (loaded, reference) = (&it.size.ingest.loaded, &it.reference);
    writeln!(
        f,
        "{} lines ({:?}), {:.1} MB raw, {:.1} MB on the wire",
        loaded.lines,
        it.profile,
        megabytes(reference.raw_bytes),
        megabytes(loaded.wire_bytes)
    )?;
    writeln!(
        f,
        "zstd -3 -T1: {:.2} CPU s, {:.1} MB ({:.1} %); grep -c -F: {:.0} ms CPU, {:.0} ms elapsed (medians of 3)\n",
        reference.zstd_cpu,
        megabytes(reference.zstd_bytes),
        100.0 * reference.zstd_bytes as f64 / reference.raw_bytes as f64,
        reference.grep_seconds * 1e3,
        reference.grep_elapsed * 1e3,
    )
}

fn ingest(it: &Measured) -> Rows {
    let (ingest, reference) = (&it.size.ingest, &it.reference);
    let loaded = &ingest.loaded;
    let millions = loaded.lines as f64 / 1e6;
    let mut rows = Rows::new("figure | value | ratio");
    let times = loaded.latencies.shown();
    rows.open("lines/s acknowledged", format!("{:.0} | ", loaded.lines_per_second()));
    rows.open("MB/s raw acknowledged", format!("{:.1} | ", loaded.megabytes_per_second()));
    rows.open("push p50 / p99 ms", format!("{times} | "));
    rows.open("retries", format!("{} | ", loaded.retries));
    let cpu = |seconds: f64| format!("{:.2} | {:.2} x zstd", seconds / millions, seconds / reference.zstd_cpu);
    rows.open("CPU s per million lines, to the last ack", cpu(ingest.cpu_to_ack));
    rows.open("CPU s per million lines, through flush", cpu(ingest.cpu_to_flush));
    rows.at_most(
        "CPU s per million lines, through compaction",
        cpu(ingest.cpu_to_compacted),
        (ingest.cpu_to_compacted / reference.zstd_cpu, CPU_TARGET),
        "x zstd",
    );
    let (flush, compaction) = (ingest.flush.as_secs_f64(), ingest.compaction.as_secs_f64());
    rows.open("flush s / forced compaction s", format!("{flush:.2} / {compaction:.2} | "));
    let memory = |bytes| format!("{:.0} | ", megabytes(bytes));
    rows.open("peak RSS MB, to the last ack", memory(ingest.peak_rss_loaded));
    rows.open("peak RSS MB, through flush", memory(ingest.peak_rss_flushed));
    let peak = ingest.peak_rss_compacted;
    rows.at_most("peak RSS MB, through compaction", memory(peak), (megabytes(peak), INGEST_RSS_TARGET_MB), "MB");
    let peak = it.size.query_rss;
    rows.at_most("peak RSS MB, queries and tail", memory(peak), (megabytes(peak), QUERY_RSS_TARGET_MB), "MB");
    let disk =
        |bytes: u64| format!("{:.1} | {:.2} x zstd", megabytes(bytes), bytes as f64 / reference.zstd_bytes as f64);
    rows.open("disk MB after flush", disk(ingest.disk_flushed));
    rows.open("disk MB after compaction, splits", disk(ingest.disk_splits));
    let all = ingest.disk_all;
    let ratio = all as f64 / reference.zstd_bytes as f64;
    rows.at_most("disk MB after compaction, all files", disk(all), (ratio, DISK_TARGET), "x zstd");
    rows.open("raw : disk", format!("{:.1} | ", reference.raw_bytes as f64 / all as f64));
    rows
}

fn queries(it: &Measured) -> Rows {
    let grep = it.reference.grep_seconds * 1e3;
    let mut rows = Rows::new("query | cold ms | warm ms | x grep");
    for query in &it.size.queries {
        let (cold, warm) = (query.cold.map_or(0.0, |took| took.as_secs_f64() * 1e3), query.warm.median_ms());
        let name = format!("{} {}", query.id, query.name);
        let values = format!("{cold:.1} | {warm:.1} | {:.3}", warm / grep);
        match query.target {
            Target::Open => rows.open(&name, values),
            target => rows.judged(&name, values, &target.to_string(), target.met(warm, grep).unwrap_or(true)),
        }
    }
    rows
}

fn rest(it: &Measured) -> Rows {
    let mut rows = Rows::new("figure | value");
    let tail = &it.size.tail;
    let p99 = tail.latencies.percentile_ms(0.99);
    let shown = tail.latencies.shown();
    rows.at_most("tail, ack to arrival p50 / p99 ms", shown, (p99, TAIL_TARGET_MS), "ms");
    rows.open("tail, lines / dropped", format!("{} / {}", tail.latencies.len(), tail.dropped));
    let clean = it.size.restart.as_secs_f64();
    rows.at_most("restart after a clean stop, s", format!("{clean:.2}"), (clean, CLEAN_TARGET_S), "s");
    if let Some(killed) = &it.killed {
        let name = format!("restart after kill -9 with {:.0} MB of WAL, s", megabytes(killed.wal_bytes));
        let took = killed.restart.as_secs_f64();
        rows.at_most(&name, format!("{took:.2}"), (took, KILLED_TARGET_S), "s");
    }
    rows
}

/// What ten times the lines cost.
fn growth(tenth: &Size, whole: &Size) -> Rows {
    let (less, more) = (tenth.ingest.loaded.lines, whole.ingest.loaded.lines);
    let mut rows = Rows::new(&format!("growth | {less} lines | {more} lines | times"));
    for (small, large) in tenth.queries.iter().zip(&whole.queries) {
        let (before, after) = (small.warm.median_ms(), large.warm.median_ms());
        let name = format!("{} {}, ms", large.id, large.name);
        let values = format!("{before:.1} | {after:.1} | {:.1}", after / before);
        if NEEDLES.contains(&large.id) {
            rows.at_most(&name, values, (after / before, NEEDLE_GROWTH_TARGET), "x");
        } else {
            rows.open(&name, values);
        }
    }
    let memory = [
        ("peak RSS MB, ingestion", tenth.ingest.peak_rss_compacted, whole.ingest.peak_rss_compacted),
        ("peak RSS MB, queries", tenth.query_rss, whole.query_rss),
    ];
    for (name, before, after) in memory {
        let times = after as f64 / before as f64;
        let values = format!("{:.0} | {:.0} | {times:.2}", megabytes(before), megabytes(after));
        rows.at_most(name, values, (times, MEMORY_GROWTH_TARGET), "x");
    }
    rows
}

fn beside(mixed: &Mixed) -> Rows {
    let mut rows =
        Rows::new("ingestion beside queries | lines/s | of its speed alone | push p50 / p99 ms | peak RSS MB");
    let alone = mixed.alone.lines_per_second();
    rows.open("alone", format!("{alone:.0} | 1 | {} | ", mixed.alone.latencies.shown()));
    let rounds = [("without a pause", &mixed.busy), ("each a second after its last answer", &mixed.paced)];
    for (how, it) in rounds {
        let speed = it.loaded.lines_per_second();
        let name = format!("{} clients, {how}", mixed.clients);
        let times = it.loaded.latencies.shown();
        let values = format!("{speed:.0} | {:.2} | {times} | {:.0}", speed / alone, megabytes(it.peak_rss));
        rows.at_least(&name, values, (speed / alone, KEEPS_TARGET));
    }
    rows
}

/// What the clients asked, and how long it took.
fn mix(mixed: &Mixed) -> Rows {
    let mut rows = Rows::new("query during the load | asked, p50 / p99 ms without a pause | with a second");
    let shown = |beside: &Beside, id| {
        let times = beside.asked.get(id);
        times.map_or_else(|| "0".to_owned(), |times| format!("{}, {}", times.len(), times.shown()))
    };
    for id in mixed.busy.asked.keys() {
        rows.open(id, format!("{} | {}", shown(&mixed.busy, id), shown(&mixed.paced, id)));
    }
    rows
}

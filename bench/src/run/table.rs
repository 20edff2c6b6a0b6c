//! The printed table: figures, ratios to `zstd` and `grep`, and which targets are met.

use super::Measured;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

const CPU_TARGET: f64 = 5.0;
const DISK_TARGET: f64 = 1.2;
const RSS_TARGET_MB: f64 = 400.0;
const TAIL_TARGET_MS: f64 = 50.0;
const CLEAN_TARGET: Duration = Duration::from_secs(1);
const KILLED_TARGET: Duration = Duration::from_secs(5);

/// Markdown, so that it can be pasted into the README.
#[derive(Debug)]
pub struct Report<'a>(pub &'a Measured);

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        reference(self.0, f)?;
        ingest(self.0, f)?;
        queries(self.0, f)?;
        rest(self.0, f)
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn reference(it: &Measured, f: &mut Formatter<'_>) -> Result {
    let (lines, reference) = (it.ingest.loaded.lines, &it.reference);
    let share = 100.0 * reference.zstd_bytes as f64 / reference.raw_bytes as f64;
    writeln!(
        f,
        "{lines} lines, {:.1} MB raw, {:.1} MB on the wire",
        megabytes(reference.raw_bytes),
        megabytes(it.ingest.loaded.wire_bytes)
    )?;
    writeln!(
        f,
        "zstd -3 -T1: {:.2} CPU s, {:.1} MB ({share:.1} %); grep -c -F: {:.0} ms\n",
        reference.zstd_cpu,
        megabytes(reference.zstd_bytes),
        reference.grep_seconds * 1e3
    )
}

fn ingest(it: &Measured, f: &mut Formatter<'_>) -> Result {
    let (ingest, reference, loaded) = (&it.ingest, &it.reference, &it.ingest.loaded);
    let millions = loaded.lines as f64 / 1e6;
    let cpu = ingest.cpu_to_flush / reference.zstd_cpu;
    let disk = ingest.disk_all as f64 / reference.zstd_bytes as f64;
    let rss = megabytes(ingest.peak_rss.max(ingest.peak_rss_compacted).max(it.query_rss));
    writeln!(f, "| figure | value | ratio | target | |\n|---|---|---|---|---|")?;
    writeln!(f, "| lines/s acknowledged | {:.0} | | | |", loaded.lines_per_second())?;
    writeln!(f, "| MB/s raw acknowledged | {:.1} | | | |", loaded.megabytes_per_second())?;
    writeln!(
        f,
        "| push p50 / p99 ms | {:.1} / {:.1} | | | |",
        loaded.latencies.median_ms(),
        loaded.latencies.percentile_ms(0.99)
    )?;
    writeln!(f, "| retries | {} | | | |", loaded.retries)?;
    writeln!(
        f,
        "| CPU s per million lines, to the last ack | {:.2} | {:.2} x zstd | | |",
        ingest.cpu_to_ack / millions,
        ingest.cpu_to_ack / reference.zstd_cpu
    )?;
    writeln!(
        f,
        "| CPU s per million lines, through flush | {:.2} | {cpu:.2} x zstd | {CPU_TARGET} x | {} |",
        ingest.cpu_to_flush / millions,
        verdict(cpu <= CPU_TARGET)
    )?;
    writeln!(
        f,
        "| CPU s per million lines, through compaction | {:.2} | {:.2} x zstd | | |",
        ingest.cpu_to_compacted / millions,
        ingest.cpu_to_compacted / reference.zstd_cpu
    )?;
    writeln!(
        f,
        "| flush s / compaction s | {:.2} / {:.2} | | | |",
        ingest.flush.as_secs_f64(),
        ingest.compaction.as_secs_f64()
    )?;
    writeln!(f, "| peak RSS MB, ingest and flush | {:.0} | | | |", megabytes(ingest.peak_rss))?;
    writeln!(f, "| peak RSS MB, with compaction | {:.0} | | | |", megabytes(ingest.peak_rss_compacted))?;
    writeln!(f, "| peak RSS MB, queries and tail | {:.0} | | | |", megabytes(it.query_rss))?;
    writeln!(f, "| peak RSS MB, highest | {rss:.0} | | {RSS_TARGET_MB} | {} |", verdict(rss <= RSS_TARGET_MB))?;
    writeln!(
        f,
        "| disk bytes after flush | {} | {:.2} x zstd | | |",
        ingest.disk_flushed,
        ingest.disk_flushed as f64 / reference.zstd_bytes as f64
    )?;
    writeln!(
        f,
        "| disk bytes after compaction, splits | {} | {:.2} x zstd | | |",
        ingest.disk_splits,
        ingest.disk_splits as f64 / reference.zstd_bytes as f64
    )?;
    writeln!(
        f,
        "| disk bytes after compaction, all | {} | {disk:.2} x zstd | {DISK_TARGET} x | {} |",
        ingest.disk_all,
        verdict(disk <= DISK_TARGET)
    )?;
    writeln!(f, "| raw : disk | {:.1} | | | |\n", reference.raw_bytes as f64 / ingest.disk_all as f64)
}

fn queries(it: &Measured, f: &mut Formatter<'_>) -> Result {
    let grep = it.reference.grep_seconds * 1e3;
    writeln!(f, "| query | cold ms | warm ms | x grep | target | |\n|---|---|---|---|---|---|")?;
    for query in &it.queries {
        let (cold, warm) = (query.cold.map_or(0.0, |took| took.as_secs_f64() * 1e3), query.warm.median_ms());
        let (ratio, target) = (warm / grep, query.target);
        writeln!(
            f,
            "| {} | {cold:.1} | {warm:.1} | {ratio:.2} | {target} | {} |",
            query.name,
            verdict(ratio <= target)
        )?;
    }
    writeln!(f)
}

fn rest(it: &Measured, f: &mut Formatter<'_>) -> Result {
    let (p50, p99) = (it.tail.latencies.median_ms(), it.tail.latencies.percentile_ms(0.99));
    writeln!(f, "| figure | value | target | |\n|---|---|---|---|")?;
    writeln!(f, "| tail, ack to arrival p50 ms | {p50:.1} | | |")?;
    writeln!(f, "| tail, ack to arrival p99 ms | {p99:.1} | {TAIL_TARGET_MS} | {} |", verdict(p99 <= TAIL_TARGET_MS))?;
    writeln!(f, "| tail, lines / dropped | {} / {} | | |", it.tail.latencies.len(), it.tail.dropped)?;
    let (clean, killed) = (it.restart_clean, it.restart_killed);
    writeln!(
        f,
        "| restart after a clean stop, s | {:.2} | {:.0} | {} |",
        clean.as_secs_f64(),
        CLEAN_TARGET.as_secs_f64(),
        verdict(clean <= CLEAN_TARGET)
    )?;
    write!(
        f,
        "| restart after kill -9 with {:.0} MB of WAL, s | {:.2} | {:.0} | {} |",
        megabytes(it.wal_bytes),
        killed.as_secs_f64(),
        KILLED_TARGET.as_secs_f64(),
        verdict(killed <= KILLED_TARGET)
    )
}

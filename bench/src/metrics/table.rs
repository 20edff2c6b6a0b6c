//! The printed tables of metrics: a column for each server, and the targets.

use super::Active;
use super::measure::Measured;
use super::query;
use crate::rows::Rows;
use crate::run::program::Program;
use std::fmt::{Display, Formatter, Result};

/// CPU seconds per million samples, through compaction.
const CPU: f64 = 1.5;
/// Of Prometheus' CPU time.
const CPU_OF_PROMETHEUS: f64 = 0.5;
const BYTES_PER_SAMPLE: f64 = 1.3;
const RSS_MB: f64 = 300.0;
/// For a million active series.
const ACTIVE_RSS_MB: f64 = 3000.0;

#[derive(Debug)]
pub struct Report<'m> {
    /// Gantry is the first.
    pub measured: &'m [Measured],
    pub active: Option<&'m Active>,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Some(ours) = self.measured.first() else { return Ok(()) };
        let (samples, wire) = (ours.loaded.lines, ours.loaded.wire_bytes as f64 / 1e6);
        writeln!(f, "{samples} samples in {} writes, {wire:.1} MB on the wire\n", ours.loaded.latencies.len())?;
        let mut all = vec![ingest(self.measured), queries(self.measured)];
        all.extend(self.active.map(active));
        for rows in &all {
            writeln!(f, "{rows}")?;
        }
        let missed: Vec<&str> = all.iter().flat_map(Rows::missed).collect();
        let met = all.iter().map(Rows::met).sum::<usize>();
        write!(f, "{met} targets met, {} missed{}", missed.len(), if missed.is_empty() { "" } else { ": " })?;
        writeln!(f, "{}", missed.join("; "))
    }
}

fn columns(measured: &[Measured], shown: impl Fn(&Measured) -> String) -> String {
    measured.iter().map(shown).collect::<Vec<_>>().join(" | ")
}

fn head(first: &str, measured: &[Measured]) -> String {
    format!("{first} | {}", columns(measured, |one| one.program.to_string()))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn ingest(all: &[Measured]) -> Rows {
    let mut rows = Rows::new(&head("figure", all));
    let ours = &all[0];
    let per_million = |one: &Measured, seconds: f64| seconds / (one.loaded.lines as f64 / 1e6);
    rows.open("samples/s acknowledged", columns(all, |one| format!("{:.0}", one.loaded.lines_per_second())));
    rows.open("write p50 / p99 ms", columns(all, |one| one.loaded.latencies.shown()));
    rows.open("retries", columns(all, |one| one.loaded.retries.to_string()));
    let to_ack = columns(all, |one| format!("{:.2}", per_million(one, one.cpu_to_ack)));
    rows.open("CPU s per million samples, to the last ack", to_ack);
    let cpu = per_million(ours, ours.cpu_to_compacted);
    let shown = columns(all, |one| format!("{:.2}", per_million(one, one.cpu_to_compacted)));
    rows.at_most("CPU s per million samples, through compaction", shown, (cpu, CPU), "s");
    if let Some(prometheus) = all.iter().find(|one| one.program == Program::Prometheus) {
        let ratio = cpu / per_million(prometheus, prometheus.cpu_to_compacted);
        let shown = columns(all, |one| if one.program == ours.program { format!("{ratio:.2}") } else { String::new() });
        rows.at_most("CPU, of Prometheus'", shown, (ratio, CPU_OF_PROMETHEUS), "x");
    }
    let of_sample = |one: &Measured| one.disk as f64 / one.loaded.lines as f64;
    let shown = columns(all, |one| format!("{:.2}", of_sample(one)));
    rows.at_most("bytes per sample after compaction", shown, (of_sample(ours), BYTES_PER_SAMPLE), "");
    let shown = columns(all, |one| format!("{:.0}", megabytes(one.peak_rss_ingest)));
    rows.at_most("peak RSS MB, through compaction", shown, (megabytes(ours.peak_rss_ingest), RSS_MB), "MB");
    let shown = columns(all, |one| format!("{:.0}", megabytes(one.peak_rss_queries)));
    rows.at_most("peak RSS MB, queries", shown, (megabytes(ours.peak_rss_queries), RSS_MB), "MB");
    rows
}

/// Cold and warm milliseconds and CPU milliseconds of every server.
fn queries(all: &[Measured]) -> Rows {
    let mut rows = Rows::new(&head("query: cold / warm / CPU ms", all));
    for (at, ours) in all[0].answers.iter().enumerate() {
        let name = format!("{} {}", ours.query.id, ours.query.name);
        let shown = columns(all, |one| {
            let answered = &one.answers[at];
            let (cold, warm) = (answered.cold.as_secs_f64() * 1e3, answered.warm.median_ms());
            let differs = query::difference(&ours.answer, &answered.answer);
            let differs = match differs {
                Ok(most) if most > 1e-9 => format!(" (differs by {:.1e})", most),
                Ok(_) => String::new(),
                Err(_) => " (other series)".to_owned(),
            };
            format!("{cold:.1} / {warm:.1} / {:.1}{differs}", answered.cpu * 1e3)
        });
        let others = all[1..].iter().map(|one| one.answers[at].warm.median_ms());
        match others.reduce(f64::min) {
            Some(best) if ours.query.judged => rows.at_most(
                &name,
                shown,
                ((ours.warm.median_ms() / best * 100.0).round() / 100.0, 1.0),
                "x the faster of the others",
            ),
            _ => rows.open(&name, shown),
        }
    }
    rows
}

fn active(active: &Active) -> Rows {
    let mut rows = Rows::new("figure | value");
    let name = format!("peak RSS MB with {} active series", active.series);
    rows.open("samples/s acknowledged, three scrapes of them", format!("{:.0}", active.samples_per_second));
    let (loaded, compacted) = (megabytes(active.rss_loaded), megabytes(active.rss_compacted));
    rows.open(&name, format!("{loaded:.0}"));
    rows.at_most(&format!("{name}, through compaction"), format!("{compacted:.0}"), (compacted, ACTIVE_RSS_MB), "MB");
    rows
}

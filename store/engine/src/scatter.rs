//! Shares a batch out to partitions by stream.

use gantry_model::{BatchStream, LogBatch, LogRow};

/// The parts of a batch by partition; partitions that get nothing are left out. One hash per stream entry, none per line.
pub(crate) fn scatter(batch: LogBatch, partitions: usize) -> Vec<(usize, LogBatch)> {
    if batch.is_empty() {
        return Vec::new();
    }
    let partition_of = |stream: &BatchStream| (stream.labels.stream_id().0 % partitions as u128) as usize;
    let homes: Vec<usize> = batch.streams().iter().map(partition_of).collect();
    if homes.iter().all(|home| *home == homes[0]) {
        return vec![(homes[0], batch)];
    }
    let mut parts: Vec<Part> = (0..partitions).map(|home| Part::sized(&batch, &homes, home)).collect();
    for (stream, home) in batch.streams().iter().zip(homes) {
        parts[home].add(&batch, stream);
    }
    let finished = parts.into_iter().enumerate().filter_map(|(at, part)| Some((at, part.finish()?)));
    finished.collect()
}

#[derive(Debug)]
struct Part {
    text: String,
    rows: Vec<LogRow>,
    streams: Vec<BatchStream>,
}

impl Part {
    /// With exactly the room it needs: parts stay in memory until they are flushed.
    fn sized(batch: &LogBatch, homes: &[usize], home: usize) -> Self {
        let own = || batch.streams().iter().zip(homes).filter(|(_, other)| **other == home).map(|(stream, _)| stream);
        let len = |row: &LogRow| row.body_len as usize + row.metadata_len as usize;
        let text = own().flat_map(|stream| batch.rows_of(stream)).map(len).sum();
        let rows = own().map(|stream| stream.rows.len()).sum();
        Part {
            text: String::with_capacity(text),
            rows: Vec::with_capacity(rows),
            streams: Vec::with_capacity(own().count()),
        }
    }

    fn add(&mut self, batch: &LogBatch, stream: &BatchStream) {
        let first = self.rows.len() as u32;
        let mut run = 0..0;
        for row in batch.rows_of(stream) {
            let start = row.start as usize;
            if start != run.end {
                self.text.push_str(&batch.text()[std::mem::replace(&mut run, start..start)]);
            }
            self.rows.push(LogRow { start: (self.text.len() + run.len()) as u32, ..*row });
            run.end = start + row.body_len as usize + row.metadata_len as usize;
        }
        self.text.push_str(&batch.text()[run]);
        self.streams.push(BatchStream { labels: stream.labels.clone(), rows: first..self.rows.len() as u32 });
    }

    fn finish(self) -> Option<LogBatch> {
        if self.rows.is_empty() {
            return None;
        }
        let part = LogBatch::from_parts(self.text, self.rows, self.streams);
        Some(part.expect("rows were copied whole from a batch that was legal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::{LabelSet, Timestamp};

    #[test]
    fn every_line_lands_once_in_the_partition_of_its_stream() {
        let mut builder = LogBatch::builder();
        for n in 0..40i64 {
            builder.stream(LabelSet::from_pairs([("n", (n % 20).to_string())]));
            builder.push(Timestamp(n), &format!("line {n} ä"), [("k", "v")]).unwrap();
        }
        let parts = scatter(builder.finish(), 3);
        let mut seen = Vec::new();
        for (home, part) in &parts {
            for stream in part.streams() {
                assert_eq!((stream.labels.stream_id().0 % 3) as usize, *home);
                for row in part.rows_of(stream) {
                    assert_eq!(part.metadata(row), r#"{"k":"v"}"#);
                    seen.push(part.body(row).to_owned());
                }
            }
        }
        seen.sort();
        let mut want: Vec<String> = (0..40).map(|n| format!("line {n} ä")).collect();
        want.sort();
        assert_eq!(seen, want);
    }

    #[test]
    fn a_batch_for_one_partition_is_not_copied() {
        let mut builder = LogBatch::builder();
        builder.stream(LabelSet::from_pairs([("a", "b")]));
        builder.push(Timestamp(1), "x", []).unwrap();
        let batch = builder.finish();
        let text = batch.text().as_ptr();
        let parts = scatter(batch, 1);
        assert_eq!(parts[0].1.text().as_ptr(), text);
    }
}

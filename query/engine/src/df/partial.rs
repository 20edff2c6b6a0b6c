//! [`Partial`]: a range aggregation over one partition.

use super::buckets::{Buckets, Measure};
use super::window::Window;
use crate::QueryError;
use crate::logql::add_level;
use datafusion::arrow::array::{AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use gantry_model::LabelSet;
use gantry_query_eval::metric::{RangeAggregator, RangeQuery, Series, Steps, Table};
use gantry_query_eval::{Labels, Scratch, Stream};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What to aggregate, shared by the partitions.
#[derive(Debug)]
pub struct RangeJob {
    pub query: RangeQuery,
    pub steps: Steps,
    /// Most series.
    pub limit: usize,
    /// Labels by stream number.
    pub streams: Arc<[LabelSet]>,
    /// Rows without metadata need no look at labels.
    pub counting: Option<Counting>,
    /// Every sample is kept until the end.
    pub keeps_samples: bool,
    /// The level of the line is part of its metadata.
    pub with_level: bool,
    /// As LogQL.
    pub text: String,
}

/// How to count rows by stream alone.
#[derive(Clone, Debug)]
pub struct Counting {
    pub window: Window,
    pub measure: Measure,
    /// Lines or bytes are divided by this: 1, or the seconds of the range for a rate.
    pub per: f64,
    /// The group of each stream number.
    pub group_of: Vec<u32>,
    pub groups: Vec<Labels>,
}

impl fmt::Display for RangeJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.counting {
            Some(counting) => write!(f, "count {:?} by stream, groups={}", counting.measure, counting.groups.len())?,
            None => f.write_str("line by line")?,
        }
        write!(f, ", steps={}, {}", self.steps.count(), self.text)
    }
}

/// State of one partition.
pub struct Partial {
    job: Arc<RangeJob>,
    buckets: Option<Buckets>,
    aggregator: RangeAggregator,
    scratch: Scratch,
    /// By stream number, prepared when the first line comes.
    streams: Vec<Option<Stream>>,
    /// Buffer for metadata with the level.
    metadata: String,
    memory: MemoryReservation,
}

/// What a sample takes that is kept until the end.
const SAMPLE_BYTES: usize = 24;

/// Columns of a batch.
struct Rows<'a> {
    streams: &'a [u32],
    times: &'a [i64],
    bodies: Option<&'a StringViewArray>,
    metadata: Option<&'a StringViewArray>,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        Rows {
            streams: batch.column(0).as_primitive::<UInt32Type>().values(),
            times: batch.column(1).as_primitive::<Int64Type>().values(),
            bodies: batch.column_by_name("body").map(|column| column.as_string_view()),
            metadata: batch.column_by_name("metadata").map(|column| column.as_string_view()),
        }
    }

    /// The rows that have metadata, ascending.
    fn with_metadata(&self) -> Vec<usize> {
        // The low 32 bits of a view are its length.
        let views = self.metadata.map_or(&[][..], |metadata| metadata.views());
        (0..views.len()).filter(|at| views[*at] as u32 > 0).collect()
    }
}

impl Partial {
    pub fn new(job: Arc<RangeJob>, memory: MemoryReservation) -> Result<Self> {
        let buckets = match &job.counting {
            None => None,
            Some(counting) => {
                memory.try_grow(Buckets::size(&counting.window, counting.groups.len(), counting.measure))?;
                Some(Buckets::new(counting.window, counting.groups.len(), counting.measure))
            }
        };
        let (aggregator, scratch) = (job.query.aggregator(job.steps, job.limit), job.query.pipeline().scratch());
        let streams = job.streams.iter().map(|_| None).collect();
        Ok(Partial { job, buckets, aggregator, scratch, streams, metadata: String::new(), memory })
    }

    /// Rows without metadata are counted by stream where that will do; the others are looked at one by one.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = Rows::of(batch);
        if self.buckets.is_none() {
            return self.look_at(&rows, 0..rows.times.len());
        }
        let special = rows.with_metadata();
        let mut plain = 0;
        for at in &special {
            self.count(&rows, plain..*at);
            plain = at + 1;
        }
        self.count(&rows, plain..rows.times.len());
        if special.is_empty() { Ok(()) } else { self.look_at(&rows, special.into_iter()) }
    }

    fn count(&mut self, rows: &Rows<'_>, run: Range<usize>) {
        let (Some(counting), Some(buckets)) = (&self.job.counting, &mut self.buckets) else { return };
        let (streams, times) = (&rows.streams[run.clone()], &rows.times[run.clone()]);
        match (counting.measure, rows.bodies) {
            (Measure::Bytes, Some(bodies)) => {
                buckets.count_bytes(&counting.group_of, streams, times, &bodies.views()[run]);
            }
            _ => buckets.count(&counting.group_of, streams, times),
        }
    }

    fn look_at(&mut self, rows: &Rows<'_>, which: impl ExactSizeIterator<Item = usize>) -> Result<()> {
        if self.job.keeps_samples {
            self.memory.try_grow(which.len() * SAMPLE_BYTES)?;
        }
        let query = &self.job.query;
        for at in which {
            let number = rows.streams[at] as usize;
            let prepare = || query.pipeline().stream(&mut self.scratch, &self.job.streams[number]);
            let stream = self.streams[number].get_or_insert_with(prepare);
            let body = rows.bodies.map_or("", |bodies| bodies.value(at));
            let metadata = rows.metadata.map_or("", |metadata| metadata.value(at));
            let metadata = if self.job.with_level {
                add_level(&self.job.streams[number], metadata, body, &mut self.metadata);
                &self.metadata
            } else {
                metadata
            };
            query
                .add(&mut self.aggregator, &mut self.scratch, stream, rows.times[at], body, metadata)
                .map_err(QueryError::from)?;
        }
        Ok(())
    }

    pub fn merge(&mut self, other: Partial) -> Result<()> {
        if let (Some(ours), Some(theirs)) = (&mut self.buckets, &other.buckets) {
            ours.merge(theirs);
        }
        self.aggregator.merge(other.aggregator).map_err(QueryError::from)?;
        Ok(())
    }

    /// The series, those counted by stream and those looked at, as one table.
    pub fn finish(self) -> Table {
        let mut table = self.aggregator.finish();
        let (Some(counting), Some(buckets)) = (&self.job.counting, &self.buckets) else { return table };
        let known = table.series.iter().enumerate().map(|(at, series)| (series.labels.clone(), at));
        let known: HashMap<Labels, usize> = known.collect();
        for (group, labels) in counting.groups.iter().enumerate() {
            let scaled = |sum: Option<f64>| sum.map(|sum| sum / counting.per);
            let points: Vec<Option<f64>> = buckets.group(group).into_iter().map(scaled).collect();
            match known.get(labels) {
                Some(at) => {
                    table.series[*at].points.iter_mut().zip(points).for_each(|(old, new)| *old = plus(*old, new))
                }
                None if points.iter().all(Option::is_none) => {}
                None => table.series.push(Series { labels: labels.clone(), points }),
            }
        }
        table
    }
}

fn plus(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        _ => one.or(other),
    }
}

//! What a LogQL query answers.

use gantry_model::Timestamp;
pub use gantry_query_eval::Labels;
use std::time::Duration;

/// Data, what it cost, and what is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub data: Data,
    pub stats: Stats,
    /// Parts of the store that could not be read.
    pub warnings: Vec<String>,
}

/// The four kinds of data.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Streams sorted by labels; entries in the order asked for.
    Streams(Vec<LogStream>),
    /// Series sorted by labels.
    Matrix(Vec<Series>),
    /// Samples of one instant, sorted by labels unless the query sorts them by value.
    Vector(Timestamp, Vec<(Labels, f64)>),
    Scalar(Timestamp, f64),
}

/// Lines that share their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LogStream {
    /// All labels, or only those of the stream when the answer is categorized.
    pub labels: Labels,
    pub entries: Vec<LogEntry>,
}

/// One line as the pipeline left it. `structured` and `parsed` are empty unless the answer is categorized.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogEntry {
    pub timestamp: Timestamp,
    pub line: String,
    pub structured: Labels,
    pub parsed: Labels,
}

/// One series of a matrix, by time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub points: Vec<(Timestamp, f64)>,
}

/// The cost of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    pub bytes: u64,
    pub lines: u64,
    pub splits: u64,
    pub granules: u64,
    /// Lines or samples in the answer.
    pub returned: u64,
    /// Segments of steps that were found kept, asked for, and newly kept.
    pub cached: [u64; 3],
    pub exec_time: Duration,
    pub queue_time: Duration,
}

impl Data {
    /// Lines or samples.
    pub fn len(&self) -> usize {
        match self {
            Data::Streams(streams) => streams.iter().map(|stream| stream.entries.len()).sum(),
            Data::Matrix(series) => series.iter().map(|series| series.points.len()).sum(),
            Data::Vector(_, samples) => samples.len(),
            Data::Scalar(..) => 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! Collectors: lines that nobody sends, fetched from files, from standard input and from child processes.
//!
//! ```text
//!   files --discover--> tails --round robin--> batch --Sink::submit--> durable --> checkpoint moves
//!   stdin, pipes -----------> framed lines --> batch --Sink::submit--> durable --> read on
//! ```
//!
//! A collector never drops a line because the store is slow: it stops reading and counts the seconds. What can not be
//! kept (a line over the limit, a batch that the store refuses for good) is counted by reason.
//! Never here: HTTP, limits of tenants, knowledge of what happens behind a [`Sink`].
//!
//! Start with [`FileCollector`], then [`LineReaderCollector`] and [`ChildProcess`]; [`Sink`] is the seam between them and
//! the rest of the program.

mod backlog;
mod deliver;
mod enrich;
mod entries;
mod file;
mod framing;
mod metrics;
mod process;
mod reader;
mod sink;
mod stamps;
mod text;

#[cfg(test)]
mod testing;

pub use enrich::Enrich;
#[cfg(feature = "fuzz")]
pub use file::count_records;
pub use file::{CollectError, FileCollector, FileOptions, Format};
pub use metrics::CollectMetrics;
pub use process::{ChildProcess, ProcessError, ProcessOptions, ProcessReport};
pub use reader::{LineReaderCollector, ReaderOptions, ReaderReport};
pub use sink::{Sink, SinkError};

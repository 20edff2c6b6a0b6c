//! Files, followed through rotation by rename and by copy-truncate, deletion and restarts, from the first line on.
//!
//! [`watch`] is the whole of it, synchronous: it finds files, reads them by turns and knows how far each one got.
//! [`collector`] drives it: gather, save the checkpoint, send, commit, and again. [`checkpoint`] says why a crash between
//! any two of those steps neither loses a line nor stores one twice.

mod checkpoint;
mod collector;
mod cri;
mod docker;
mod finder;
mod format;
mod gather;
mod identity;
mod joins;
mod kube;
mod labels;
mod names;
mod options;
mod progress;
mod tail;
mod watch;

#[cfg(test)]
mod tests;

pub use collector::FileCollector;
pub use format::Format;
pub use options::{CollectError, FileOptions};

/// How many records a file with this content holds, for fuzz targets: `max` is the longest body in bytes.
#[cfg(feature = "fuzz")]
pub fn count_records(format: Format, content: &[u8], max: usize) -> usize {
    let mut records = 0;
    let mut decoder = format::Decoder::new(format, max);
    let mut count = |record: format::Record<'_>| {
        assert!(record.body.len() <= max, "a body of {} bytes", record.body.len());
        records += 1;
    };
    for line in content.split(|byte| *byte == b'\n') {
        decoder.line(line, false, &mut count);
    }
    decoder.finish(&mut count);
    records
}

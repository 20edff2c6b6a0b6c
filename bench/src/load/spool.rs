//! Encoded pushes on disk: one file for each connection, made once for a corpus and read again by every load.
//!
//! A file is a sequence of bodies, each behind three little-endian numbers: its length (u32), its lines (u32), and the
//! bytes of these lines (u64). The directory gets its name when it is complete.

use crate::corpus::files::Corpus;
use crate::push::{PushEntry, PushRequest, PushStream, label_text};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A body ready to be sent.
#[derive(Debug)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub lines: u64,
    /// Bytes of the log lines themselves.
    pub raw: u64,
}

/// The pushes of a corpus for a number of connections.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    connections: usize,
}

impl Spool {
    /// The file of each connection.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.connections).map(|at| file(&self.dir, at))
    }
}

fn file(dir: &Path, connection: usize) -> PathBuf {
    dir.join(format!("connection-{connection}"))
}

impl Spool {
    /// What `write` puts into one file for each connection, unless it was made before.
    pub fn made(dir: PathBuf, connections: usize, write: impl FnOnce(&mut [SpoolFile]) -> Result<()>) -> Result<Self> {
        if !dir.exists() {
            let unfinished = dir.with_extension("unfinished");
            fs::create_dir_all(&unfinished).with_context(|| format!("creating {}", unfinished.display()))?;
            let open = |at| Ok(SpoolFile(BufWriter::with_capacity(1 << 20, File::create(file(&unfinished, at))?)));
            let mut files: Vec<SpoolFile> = (0..connections).map(open).collect::<Result<_>>()?;
            write(&mut files)?;
            files.iter_mut().try_for_each(|file| file.0.flush())?;
            fs::rename(&unfinished, &dir)?;
        }
        Ok(Spool { dir, connections })
    }
}

/// The bodies of one connection, while they are made.
#[derive(Debug)]
pub struct SpoolFile(BufWriter<File>);

impl SpoolFile {
    /// `lines` and `raw`, the bytes of these lines, are what [`Body`] says later.
    pub fn put(&mut self, bytes: &[u8], lines: u64, raw: u64) -> Result<()> {
        self.0.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
        self.0.write_all(&u32::try_from(lines)?.to_le_bytes())?;
        self.0.write_all(&raw.to_le_bytes())?;
        Ok(self.0.write_all(bytes)?)
    }
}

/// Streams are dealt to connections, as agents on different nodes would hold them; each sends in time order.
/// A body holds at most `body_bytes` of log lines. What was encoded before is used again.
pub fn encode(corpus: &Corpus, connections: usize, body_bytes: u64) -> Result<Spool> {
    ensure!(connections > 0 && body_bytes > 0, "at least one connection and one byte are needed");
    let dir = corpus.dir().join(format!("wire-{connections}-{body_bytes}"));
    Spool::made(dir, connections, |files| write(corpus, files, body_bytes))
}

fn write(corpus: &Corpus, files: &mut [SpoolFile], body_bytes: u64) -> Result<()> {
    let connections = files.len();
    let labels: Vec<String> =
        corpus.streams.iter().map(|labels| label_text(labels.iter().map(|(n, v)| (&**n, &**v)))).collect();
    let mut batches: Vec<Batch> = (0..connections).map(|_| Batch::default()).collect();
    for entry in corpus.entries()? {
        let entry = entry?;
        let at = entry.stream % connections;
        let batch = &mut batches[at];
        if batch.raw + entry.body.len() as u64 > body_bytes && batch.raw > 0 {
            std::mem::take(batch).write(&labels, &mut files[at])?;
        }
        batch.raw += entry.body.len() as u64;
        batch.lines += 1;
        batch.streams.entry(entry.stream).or_default().push(PushEntry::new(entry.at_ns, entry.body));
    }
    for (batch, file) in batches.into_iter().zip(files) {
        if batch.raw > 0 {
            batch.write(&labels, file)?;
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Batch {
    streams: BTreeMap<usize, Vec<PushEntry>>,
    lines: u64,
    raw: u64,
}

impl Batch {
    fn write(self, labels: &[String], file: &mut SpoolFile) -> Result<()> {
        let streams =
            self.streams.into_iter().map(|(at, entries)| PushStream { labels: labels[at].clone(), entries }).collect();
        file.put(&PushRequest { streams }.to_body()?, self.lines, self.raw)
    }
}

/// The bodies of one connection, read as they are asked for.
pub fn bodies(file: &Path) -> Result<impl Iterator<Item = Result<Body>> + Send + use<>> {
    let (mut left, mut file) = (file.metadata()?.len(), BufReader::with_capacity(1 << 20, File::open(file)?));
    Ok(std::iter::from_fn(move || {
        (left > 0).then(|| {
            let (body, read) = body(&mut file).context("reading an encoded push")?;
            left = left.saturating_sub(read);
            Ok(body)
        })
    }))
}

/// The next body, and how many bytes of the file it takes.
fn body(file: &mut impl Read) -> Result<(Body, u64)> {
    let (mut len, mut lines, mut raw) = ([0; 4], [0; 4], [0; 8]);
    file.read_exact(&mut len)?;
    file.read_exact(&mut lines)?;
    file.read_exact(&mut raw)?;
    let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
    file.read_exact(&mut bytes)?;
    let read = 16 + bytes.len() as u64;
    Ok((Body { bytes, lines: u32::from_le_bytes(lines).into(), raw: u64::from_le_bytes(raw) }, read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Profile, files};

    #[test]
    fn every_line_is_in_exactly_one_body_and_no_body_is_too_large() {
        let dir = std::env::temp_dir().join(format!("gantry-bench-spool-{}", std::process::id()));
        files::generate(&dir, Profile::Natural, 1, 2_000).expect("a corpus");
        let corpus = Corpus::open(&dir).expect("the same corpus");
        let all = |spool: Spool| -> Vec<Body> {
            spool.files().flat_map(|file| bodies(&file).expect("a file")).map(|body| body.expect("a body")).collect()
        };
        let first = all(encode(&corpus, 3, 10_000).expect("encoded"));
        assert_eq!(first.iter().map(|body| body.lines).sum::<u64>(), 2_000);
        assert_eq!(first.iter().map(|body| body.raw).sum::<u64>(), corpus.truth.body_bytes);
        assert!(first.iter().all(|body| body.raw <= 10_000 && !body.bytes.is_empty()));
        let again = all(encode(&corpus, 3, 10_000).expect("there already"));
        assert!(again.iter().map(|body| &body.bytes).eq(first.iter().map(|body| &body.bytes)));
        fs::remove_dir_all(&dir).expect("the test's own directory");
    }
}

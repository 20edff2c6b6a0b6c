//! The corpus on disk.
//!
//! - `raw.log`: the bodies in time order, each followed by a line break;
//! - `lines.bin`: for each line 16 bytes, little endian: nanoseconds since 1970 (u64), length of the body (u32), stream (u32);
//! - `streams.json`: the labels of each stream;
//! - `truth.json`: what the queries must answer, written last;
//! - `wire-*`: the encoded pushes, kept by [`crate::load`] for the next load of the same shape.

use super::truth::{Observer, Truth};
use super::{Generator, Profile};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const RECORD: usize = 16;

/// Writes a corpus of `lines` lines into `dir`, which is created.
pub fn generate(dir: &Path, profile: Profile, seed: u64, lines: u64) -> Result<Truth> {
    ensure!(lines >= 1000, "a corpus needs at least 1000 lines");
    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    let mut raw = BufWriter::with_capacity(1 << 20, File::create(dir.join("raw.log"))?);
    let mut index = BufWriter::with_capacity(1 << 20, File::create(dir.join("lines.bin"))?);
    let mut generator = Generator::new(profile, seed, lines);
    let mut observer = Observer::new(&generator.world)?;
    while let Some(line) = generator.next() {
        raw.write_all(line.body.as_bytes())?;
        raw.write_all(b"\n")?;
        index.write_all(&line.at_ns.to_le_bytes())?;
        index.write_all(&u32::try_from(line.body.len())?.to_le_bytes())?;
        index.write_all(&u32::try_from(line.stream)?.to_le_bytes())?;
        observer.see(&line, generator.wanted_trace());
    }
    raw.flush()?;
    index.flush()?;
    let labels: Vec<BTreeMap<&str, String>> =
        (0..generator.world.streams.len()).map(|at| generator.world.labels(at).into_iter().collect()).collect();
    fs::write(dir.join("streams.json"), serde_json::to_vec_pretty(&labels)?)?;
    let trace = generator.wanted_trace().context("no request began in the second half")?;
    let truth = observer.finish(profile, seed, trace);
    fs::write(dir.join("truth.json"), serde_json::to_vec_pretty(&truth)?)?;
    Ok(truth)
}

/// A corpus that was generated before.
#[derive(Debug)]
pub struct Corpus {
    dir: PathBuf,
    pub truth: Truth,
    pub streams: Vec<BTreeMap<String, String>>,
}

/// One line as read back.
#[derive(Debug)]
pub struct Entry {
    pub stream: usize,
    pub at_ns: u64,
    pub body: String,
}

impl Corpus {
    pub fn open(dir: &Path) -> Result<Self> {
        let read = |name: &str| fs::read(dir.join(name)).with_context(|| format!("no {name} in {}", dir.display()));
        Ok(Corpus {
            dir: dir.to_owned(),
            truth: serde_json::from_slice(&read("truth.json")?)?,
            streams: serde_json::from_slice(&read("streams.json")?)?,
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn raw(&self) -> PathBuf {
        self.dir.join("raw.log")
    }

    /// Every line in time order.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let mut raw = BufReader::with_capacity(1 << 20, File::open(self.raw())?);
        let mut index = BufReader::with_capacity(1 << 20, File::open(self.dir.join("lines.bin"))?);
        Ok((0..self.truth.lines).map(move |_| entry(&mut index, &mut raw)))
    }
}

fn entry(index: &mut impl Read, raw: &mut impl Read) -> Result<Entry> {
    let mut record = [0; RECORD];
    index.read_exact(&mut record)?;
    let (at, rest) = record.split_at(8);
    let (len, stream) = rest.split_at(4);
    let mut body = vec![0; u32::from_le_bytes(len.try_into()?) as usize + 1];
    raw.read_exact(&mut body)?;
    ensure!(body.pop() == Some(b'\n'), "lines.bin and raw.log do not fit together: generate the corpus anew");
    Ok(Entry {
        stream: u32::from_le_bytes(stream.try_into()?) as usize,
        at_ns: u64::from_le_bytes(at.try_into()?),
        body: String::from_utf8(body)?,
    })
}

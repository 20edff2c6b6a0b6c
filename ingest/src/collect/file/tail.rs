//! [`Tail`]: one file being followed.

use super::checkpoint::Saved;
use super::format::{Decoder, Format, Record};
use super::gather::{Body, Gather};
use super::identity::{Age, FileId};
use super::joins::Whole;
use super::labels::FileLabels;
use super::options::FileOptions;
use super::progress::Progress;
use crate::collect::framing::step;
use crate::collect::metrics::CollectorMetrics;
use crate::multiline::Joining;
use gantry_model::Timestamp;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Silent files are looked at by discovery only, when there are many.
const REST_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Tail {
    pub id: FileId,
    /// The name it was found under first. It may have another by now.
    pub path: PathBuf,
    /// Files of one path are read in this order.
    pub generation: u64,
    /// No longer at its path: renamed, deleted, or the copy that was made before a truncation.
    pub detached: bool,
    /// Everything that was there at the last look was read.
    pub at_end: bool,
    file: Option<File>,
    labels: FileLabels,
    progress: Progress,
    look: Look,
    changed: Timestamp,
    /// Entries of a content that is gone, not in a batch yet.
    orphans: Vec<Whole>,
}

/// What a file looked like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    length: u64,
    age: Age,
}

impl Look {
    fn of(metadata: &Metadata) -> Self {
        Look { length: metadata.len(), age: Age::of(metadata) }
    }
}

/// What one turn needs from outside.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub options: &'a FileOptions,
    pub joining: Option<&'a Joining>,
    pub metrics: &'a CollectorMetrics,
    pub buffer: &'a mut Vec<u8>,
    pub gather: &'a mut Gather,
    pub now: Timestamp,
    /// There is a later file of the path: its writer has moved on.
    pub succeeded: bool,
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Nothing,
    Read,
    /// The file does not continue what was read of it.
    Truncated,
}

impl Tail {
    pub fn new(file: File, path: &Path, generation: u64, labels: FileLabels, now: Timestamp) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Tail {
            id: FileId::of(&metadata),
            path: path.to_owned(),
            generation,
            detached: false,
            at_end: false,
            labels,
            progress: Progress::of(&file)?,
            look: Look { length: 0, age: Age::of(&metadata) },
            changed: now,
            orphans: Vec::new(),
            file: Some(file),
        })
    }

    pub fn resuming(mut self, saved: &Saved, options: &FileOptions) -> Self {
        self.progress = Progress::resume(saved, options.max_line_bytes);
        self
    }

    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Begins again at the first line, and gives away how far the former content got.
    pub fn restart(&mut self, now: Timestamp) -> Progress {
        self.at_end = false;
        self.changed = now;
        std::mem::take(&mut self.progress)
    }

    /// Keeps entries that were open when their content went away, and nobody else goes on with.
    pub fn keep_open_of(&mut self, mut former: Progress) {
        former.joins.finish(&mut |whole| self.orphans.push(whole));
    }

    pub fn continuing(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Reads up to `turn_bytes` bytes, or one line when that is longer.
    pub fn turn(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        let Some(file) = self.file.take() else { return Ok(Turn::Nothing) };
        let turn = self.turn_of(&file, cx);
        self.file = Some(file);
        turn
    }

    fn turn_of(&mut self, file: &File, cx: &mut Context<'_>) -> io::Result<Turn> {
        if self.progress.sealed {
            return Ok(Turn::Nothing);
        }
        if !self.orphans.is_empty() {
            self.give_orphans(cx);
            return Ok(Turn::Read);
        }
        let look = Look::of(&file.metadata()?);
        if look.length < self.progress.extent() {
            return Ok(Turn::Truncated);
        }
        if look != self.look {
            self.look = look;
            self.changed = cx.now;
            self.at_end = false;
        }
        let finish = self.is_finishing(cx);
        if self.at_end && !(finish && self.has_rest()) {
            return Ok(self.settle(cx));
        }
        let mut buffer = std::mem::take(cx.buffer);
        let turn = self.read(file, &mut buffer, finish, cx);
        *cx.buffer = buffer;
        turn
    }

    /// The fingerprint is checked after reading: when it still holds, what was read belongs to it.
    fn read(&mut self, file: &File, buffer: &mut Vec<u8>, finish: bool, cx: &mut Context<'_>) -> io::Result<Turn> {
        let start = self.progress.read.offset;
        let stop = self.progress.begin(cx.gather.base);
        let mut got = self.fill(file, buffer, cx.options.turn_bytes, stop)?;
        if !self.progress.fingerprint.matches(file)? {
            return Ok(Turn::Truncated);
        }
        self.progress.fingerprint.grow(file)?;
        let mut used = self.lines(&buffer[..got], cx);
        let longest = cx.options.max_line_bytes + 2;
        if used == 0 && got == cx.options.turn_bytes && longest > got {
            got = self.fill(file, buffer, longest, stop)?;
            used = self.lines(&buffer[..got], cx);
        }
        let end = start + got as u64;
        self.at_end = end >= self.look.length;
        let finish = finish && self.at_end;
        if used < got && (finish || stop == Some(end)) {
            self.line(&buffer[used..got], false, cx);
            self.progress.advance(got - used, false);
        }
        if finish {
            self.finish(cx);
        } else if stop == Some(end) {
            self.close_entries(cx);
        }
        Ok(if self.progress.read.offset > start { Turn::Read } else { Turn::Nothing })
    }

    /// How long an unfinished last line must be silent to be taken as it is.
    fn is_finishing(&self, cx: &Context<'_>) -> bool {
        let wait = match self.detached {
            true => Some(cx.options.rotate_wait),
            false => cx.options.partial_flush,
        };
        wait.is_some_and(|wait| self.is_silent(wait, cx.now))
    }

    pub fn is_silent(&self, wait: Duration, now: Timestamp) -> bool {
        now.nanos().saturating_sub(self.changed.nanos()) >= i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)
    }

    fn has_rest(&self) -> bool {
        let open = self.progress.decoder.as_ref().is_some_and(|decoder| !decoder.is_clean());
        open || self.progress.read.offset < self.look.length
    }

    fn fill(&self, file: &File, buffer: &mut Vec<u8>, want: usize, stop: Option<u64>) -> io::Result<usize> {
        let at = self.progress.read.offset;
        let room = stop.map_or(u64::MAX, |stop| stop.saturating_sub(at));
        let want = usize::try_from(room).unwrap_or(usize::MAX).min(want);
        if buffer.len() < want {
            buffer.resize(want, 0);
        }
        let mut got = 0;
        while got < want {
            match file.read_at(&mut buffer[got..want], at + got as u64) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(got)
    }

    /// Takes whole lines; gives how many bytes they were.
    fn lines(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> usize {
        let mut at = 0;
        while let Some(step) = step(&bytes[at..], self.progress.read.skipping, cx.options.max_line_bytes) {
            if let Some(line) = step.line {
                self.line(line, step.cut, cx);
            }
            self.progress.advance(step.used, step.skipping);
            at += step.used;
        }
        at
    }

    fn line(&mut self, line: &[u8], cut: bool, cx: &mut Context<'_>) {
        let known = self.progress.decoder.take();
        if known.as_ref().is_none_or(Decoder::is_clean) {
            self.progress.begun = self.progress.read;
        }
        let new = || Decoder::new(cx.options.format.detect(line), cx.options.max_line_bytes);
        let mut decoder = known.unwrap_or_else(new);
        let format = decoder.format;
        decoder.line(line, cut, &mut |record| self.emit(&record, format, cx));
        self.progress.decoder = Some(decoder);
    }

    /// The joined line that is open will not be completed.
    fn finish(&mut self, cx: &mut Context<'_>) {
        if let Some(mut decoder) = self.progress.decoder.take() {
            let format = decoder.format;
            decoder.finish(&mut |record| self.emit(&record, format, cx));
            self.progress.decoder = Some(decoder);
        }
        self.close_entries(cx);
    }

    /// A silent file, or one that is written no more: what is open is complete.
    fn settle(&mut self, cx: &mut Context<'_>) -> Turn {
        let waited = cx.joining.is_some_and(|joining| self.is_silent(joining.wait, cx.now));
        if !(waited || cx.succeeded) || self.progress.joins.is_empty() {
            return Turn::Nothing;
        }
        self.progress.begin(cx.gather.base);
        self.close_entries(cx);
        self.progress.sealed = true;
        Turn::Read
    }

    /// Entries that are open will not be continued.
    fn close_entries(&mut self, cx: &mut Context<'_>) {
        let format = self.progress.format().unwrap_or(Format::Plain);
        let mut joins = std::mem::take(&mut self.progress.joins);
        joins.finish(&mut |whole| self.give_whole(&whole, format, cx));
        self.progress.joins = joins;
        self.progress.advance(0, self.progress.read.skipping);
    }

    fn give_orphans(&mut self, cx: &mut Context<'_>) {
        let format = self.progress.format().unwrap_or(Format::Plain);
        self.progress.begin(cx.gather.base);
        for whole in std::mem::take(&mut self.orphans) {
            self.give_whole(&whole, format, cx);
        }
    }

    fn emit(&mut self, record: &Record<'_>, format: Format, cx: &mut Context<'_>) {
        cx.metrics.repaired(record.replaced, record.cut);
        let Some(joining) = cx.joining else {
            self.give(record.at, Body { stream: record.stream, text: record.body, lines: 1 }, format, cx);
            return;
        };
        let mut joins = std::mem::take(&mut self.progress.joins);
        joins.push(joining, record, self.progress.begun, &mut |whole| self.give_whole(&whole, format, cx));
        self.progress.joins = joins;
    }

    fn give_whole(&mut self, whole: &Whole, format: Format, cx: &mut Context<'_>) {
        let body = Body { stream: whole.stream, text: &whole.text, lines: whole.lines as u64 };
        self.give(whole.at, body, format, cx);
    }

    fn give(&mut self, at: Option<Timestamp>, body: Body<'_>, format: Format, cx: &mut Context<'_>) {
        let at = at.unwrap_or_else(|| Timestamp(self.progress.stamp()));
        cx.gather.push(self.id, &self.labels, at, body, format);
    }

    pub fn commit(&mut self) {
        self.progress.commit();
    }

    pub fn last_stamp(&self) -> Option<i64> {
        self.progress.last_stamp()
    }

    pub fn saved(&self) -> Saved {
        Saved {
            path: self.path.clone(),
            id: self.id,
            fingerprint: self.progress.fingerprint,
            offset: self.progress.committed.offset,
            skipping: self.progress.committed.skipping,
            age: self.look.age,
            format: self.progress.format(),
            generation: self.generation,
            pending: self.progress.pending(),
        }
    }

    /// Bytes that are not stored yet, as of the last look.
    pub fn lag(&self) -> u64 {
        self.look.length.saturating_sub(self.progress.committed.offset)
    }

    /// As of the last look.
    pub fn age(&self) -> Age {
        self.look.age
    }

    /// Everything is stored, and nothing came for `wait`.
    pub fn is_done(&self, wait: Duration, now: Timestamp) -> bool {
        self.at_end
            && !self.has_rest()
            && self.orphans.is_empty()
            && self.progress.is_settled()
            && self.is_silent(wait, now)
    }

    /// An entry may still go on, so that lines of a later file would come before it.
    pub fn is_joining(&self) -> bool {
        !self.progress.joins.is_empty()
    }

    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.at_end && !self.is_joining() && !self.detached && self.is_silent(REST_AFTER, now)
    }

    /// Discovery saw the file at its path: a silent one that changed is looked at again, a closed one is opened.
    pub fn seen(&mut self, path: &Path, metadata: &Metadata, now: Timestamp) -> io::Result<()> {
        if !self.has_changed(metadata) {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(File::open(path)?);
        }
        if self.is_resting(now) {
            self.changed = now;
        }
        match &self.file {
            Some(file) => self.progress.know(file),
            None => Ok(()),
        }
    }

    /// Whether `metadata` is of another file, or of this one after something happened to it.
    pub fn has_changed(&self, metadata: &Metadata) -> bool {
        FileId::of(metadata) != self.id || Look::of(metadata) != self.look
    }

    pub fn close(&mut self) {
        self.file = None;
    }

    /// Whether no name leads to the file any more.
    pub fn is_deleted(&self) -> bool {
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.is_none_or(|metadata| metadata.nlink() == 0)
    }

    /// Whether the file no longer continues what was read of it.
    pub fn is_truncated(&self) -> bool {
        self.file.as_ref().is_some_and(|file| {
            let shorter = file.metadata().is_ok_and(|metadata| metadata.len() < self.progress.extent());
            shorter || self.progress.fingerprint.matches(file).is_ok_and(|same| !same)
        })
    }

    /// Whether `other` begins with the same bytes as this file and is equal to it as far as it goes: a copy made to
    /// truncate this file after.
    pub fn is_copied_to(&self, other: &File) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let length = other.metadata()?.len();
        let same_start = self.progress.fingerprint.is_of(other)?;
        if !same_start || length == 0 || length > file.metadata()?.len() {
            return Ok(false);
        }
        let mut end = [[0; 1024]; 2];
        let at = length.saturating_sub(1024);
        let want = (length - at) as usize;
        file.read_exact_at(&mut end[0][..want], at)?;
        other.read_exact_at(&mut end[1][..want], at)?;
        Ok(end[0] == end[1])
    }
}

/// Whether `copy` holds what `progress` has still to read.
pub(super) fn holds_rest_of(copy: &File, progress: &Progress) -> io::Result<bool> {
    let known = progress.fingerprint.is_of(copy)?;
    Ok(known && copy.metadata()?.len() >= progress.extent())
}

//! [`Progress`]: how far one file got.

use super::Format;
use super::checkpoint::{Pending, Saved};
use super::format::Decoder;
use super::identity::Fingerprint;
use super::joins::Joins;
use std::fs::File;
use std::io;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub offset: u64,
    /// Inside a line that was cut; its rest is left out.
    pub skipping: bool,
}

/// Three marks that follow each other through the file: read >= clean >= committed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What was read, into the batch or into a joined line that is not complete.
    pub read: Position,
    /// The last place before which everything was given out: no joined line and no entry of several lines was begun before
    /// it and is still open. From here a restart gives the same lines again.
    pub clean: Position,
    /// What is stored.
    pub committed: Position,
    pub fingerprint: Fingerprint,
    pub decoder: Option<Decoder>,
    /// Where the oldest part begins that the decoder has still to join.
    pub begun: Position,
    /// Entries of several lines that are open.
    pub joins: Joins,
    /// The open entries were given out because nothing came: until that is stored nothing more is read, so that reading
    /// again after a crash finds the same end.
    pub sealed: bool,
    run: Option<Run>,
}

/// Consecutive timestamps given to lines that brought none, in one batch.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: i64,
    given: i64,
    until: u64,
    /// These lines may have been sent before a crash: they get the timestamps that they got then.
    replay: bool,
}

impl Progress {
    /// At the first line.
    pub fn of(file: &File) -> io::Result<Self> {
        let fingerprint = Fingerprint::take(file, Fingerprint::MOST)?;
        Ok(Progress { fingerprint, ..Progress::default() })
    }

    /// Learns more of the start of a file that is not read yet, so that a copy of it will be known.
    pub fn know(&mut self, file: &File) -> io::Result<()> {
        let more = self.fingerprint.bytes < Fingerprint::MOST && self.fingerprint.matches(file)?;
        if more { self.fingerprint.grow(file) } else { Ok(()) }
    }

    pub fn resume(saved: &Saved, max_line: usize) -> Self {
        let at = Position { offset: saved.offset, skipping: saved.skipping };
        let replay = saved.pending.filter(|p| p.until > saved.offset);
        Progress {
            read: at,
            clean: at,
            committed: at,
            fingerprint: saved.fingerprint,
            decoder: saved.format.map(|format| Decoder::new(format, max_line)),
            begun: at,
            joins: Joins::default(),
            sealed: false,
            run: replay.map(|p| Run { first: p.stamp, given: 0, until: p.until, replay: true }),
        }
    }

    /// As long as this the file was for sure.
    pub fn extent(&self) -> u64 {
        let sent = self.run.filter(|run| run.replay).map_or(0, |run| run.until);
        self.read.offset.max(sent)
    }

    /// Starts a turn in a batch whose timestamps begin at `base`. Gives the place at which to stop: what was sent before a
    /// crash ends there.
    pub fn begin(&mut self, base: i64) -> Option<u64> {
        let run = self.run.get_or_insert(Run { first: base, given: 0, until: 0, replay: false });
        run.replay.then_some(run.until)
    }

    /// The time of the next line that brought none.
    pub fn stamp(&mut self) -> i64 {
        let run = self.run.get_or_insert(Run { first: 0, given: 0, until: 0, replay: false });
        run.given += 1;
        run.first + run.given - 1
    }

    /// The newest time given in this batch.
    pub fn last_stamp(&self) -> Option<i64> {
        self.run.filter(|run| run.given > 0).map(|run| run.first + run.given - 1)
    }

    /// `bytes` more were read.
    pub fn advance(&mut self, bytes: usize, skipping: bool) {
        self.read = Position { offset: self.read.offset + bytes as u64, skipping };
        let parted = self.decoder.as_ref().is_some_and(|decoder| !decoder.is_clean());
        let given = if parted { self.begun } else { self.read };
        self.clean = match self.joins.start() {
            Some(start) if start.offset < given.offset => start,
            _ => given,
        };
        if let Some(run) = self.run.as_mut().filter(|run| !run.replay) {
            run.until = self.clean.offset;
        }
    }

    /// Everything read so far is stored.
    pub fn commit(&mut self) {
        self.committed = self.clean;
        self.sealed = false;
        let read = self.read.offset;
        self.run = self.run.filter(|run| run.replay && read < run.until);
        if let Some(run) = &mut self.run {
            run.first += run.given;
            run.given = 0;
        }
    }

    /// Whether everything that was read is stored.
    pub fn is_settled(&self) -> bool {
        self.committed == self.read
    }

    pub fn format(&self) -> Option<Format> {
        self.decoder.as_ref().map(|decoder| decoder.format)
    }

    /// Only plain files need it: others bring their own times.
    pub fn pending(&self) -> Option<Pending> {
        let run = self.run.filter(|run| run.until > self.committed.offset && self.format() == Some(Format::Plain))?;
        Some(Pending { until: run.until, stamp: run.first })
    }
}

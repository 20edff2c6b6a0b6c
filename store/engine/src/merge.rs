//! Merging splits row by row, with a few rows of each in memory.

use crate::error::join_error;
use crate::split::{EncodedSplit, SortedChunk, Split, SplitOptions, SplitWriter};
use gantry_model::{LabelSet, Timestamp};
use gantry_store_api::StoreError;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Chunks that are read ahead of the merge for each input.
const READ_AHEAD: usize = 2;

type Chunks = mpsc::Receiver<Result<SortedChunk, StoreError>>;

/// Why a merge failed.
#[derive(Debug)]
pub(crate) struct MergeError {
    /// Which input could not be read, when it was one.
    pub input: Option<usize>,
    pub error: StoreError,
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> Self {
        MergeError { input: None, error }
    }
}

/// All rows of `splits`, each once, as one new split. Of equal timestamps the rows of earlier inputs come first.
pub(crate) async fn merge(splits: &[Arc<Split>], zstd_level: i32) -> Result<Option<EncodedSplit>, MergeError> {
    let mut readers = tokio::task::JoinSet::new();
    let mut inputs = Vec::with_capacity(splits.len());
    for split in splits {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        readers.spawn(read(split.clone(), sender));
        inputs.push(receiver);
    }
    let merged = tokio::task::spawn_blocking(move || write(inputs, zstd_level)).await;
    merged.map_err(join_error)?
}

/// Sends the chunks of a split until they end or nobody wants them.
async fn read(split: Arc<Split>, sender: mpsc::Sender<Result<SortedChunk, StoreError>>) {
    let mut rows = match split.read_sorted().await {
        Ok(rows) => rows,
        Err(error) => return drop(sender.send(Err(error)).await),
    };
    loop {
        let sent = match rows.next_chunk().await {
            Ok(None) => return,
            Ok(Some(chunk)) => sender.send(Ok(chunk)).await.is_ok(),
            Err(error) => return drop(sender.send(Err(error)).await),
        };
        if !sent {
            return;
        }
    }
}

fn write(inputs: Vec<Chunks>, zstd_level: i32) -> Result<Option<EncodedSplit>, MergeError> {
    let mut writer = SplitWriter::new(SplitOptions { zstd_level })?;
    let mut heap = BinaryHeap::with_capacity(inputs.len());
    for (number, chunks) in inputs.into_iter().enumerate() {
        heap.extend(Cursor::start(number, chunks)?);
    }
    let mut stream: Option<LabelSet> = None;
    while let Some(mut cursor) = heap.pop() {
        if stream.as_ref() != Some(&cursor.chunk.labels) {
            writer.begin_stream(&cursor.chunk.labels)?;
            stream = Some(cursor.chunk.labels.clone());
        }
        // As long as this input stays first its rows need no trip through the heap.
        loop {
            let row = cursor.chunk.row(cursor.at);
            writer.push(row.timestamp, row.body, row.metadata)?;
            match cursor.advance()? {
                Advance::SameChunk if heap.peek().is_none_or(|next| cursor >= *next) => continue,
                Advance::SameChunk | Advance::NewChunk => heap.push(cursor),
                Advance::End => {}
            }
            break;
        }
    }
    Ok(writer.finish()?)
}

/// A place in one input.
#[derive(Debug)]
struct Cursor {
    number: usize,
    chunks: Chunks,
    chunk: SortedChunk,
    at: usize,
    timestamp: Timestamp,
}

enum Advance {
    SameChunk,
    NewChunk,
    End,
}

impl Cursor {
    fn start(number: usize, mut chunks: Chunks) -> Result<Option<Self>, MergeError> {
        let Some(chunk) = next_chunk(number, &mut chunks)? else { return Ok(None) };
        let timestamp = chunk.row(0).timestamp;
        Ok(Some(Cursor { number, chunks, chunk, at: 0, timestamp }))
    }

    fn advance(&mut self) -> Result<Advance, MergeError> {
        self.at += 1;
        if self.at < self.chunk.len() {
            self.timestamp = self.chunk.row(self.at).timestamp;
            return Ok(Advance::SameChunk);
        }
        let Some(chunk) = next_chunk(self.number, &mut self.chunks)? else { return Ok(Advance::End) };
        self.timestamp = chunk.row(0).timestamp;
        self.chunk = chunk;
        self.at = 0;
        Ok(Advance::NewChunk)
    }

    fn key(&self) -> (&LabelSet, Timestamp, usize) {
        (&self.chunk.labels, self.timestamp, self.number)
    }
}

/// The next chunk that has rows.
fn next_chunk(input: usize, chunks: &mut Chunks) -> Result<Option<SortedChunk>, MergeError> {
    while let Some(chunk) = chunks.blocking_recv() {
        let chunk = chunk.map_err(|error| MergeError { input: Some(input), error })?;
        if !chunk.is_empty() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// The heap gives its greatest element first: the cursor with the least key.
impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cursor {}

//! Merging splits row by row, with a few rows of each in memory.

use crate::error::{io_context, join_error};
use crate::mask::{Mask, StreamMask};
use crate::split::{Draft, EncodedSplit, SortedChunk, Split, SplitOptions, SplitWriter};
use gantry_body::MAX_BLOCK_ROWS;
use gantry_model::{LabelSet, Timestamp};
use gantry_store_api::StoreError;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::path::Path;
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

/// A split, and which of its rows are left out.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub split: Arc<Split>,
    pub mask: Mask,
}

/// All rows of `inputs` that their masks do not hide, each once, as one new split. Of equal timestamps the rows of earlier
/// inputs come first. The new split is drafted in `drafts`.
pub(crate) async fn merge(
    inputs: Vec<Input>,
    zstd_level: i32,
    drafts: &Path,
) -> Result<Option<EncodedSplit>, MergeError> {
    let mut readers = tokio::task::JoinSet::new();
    let mut sources = Vec::with_capacity(inputs.len());
    for Input { split, mask } in inputs {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        readers.spawn(read(split, sender));
        sources.push((receiver, mask));
    }
    let drafts = drafts.to_owned();
    let merged = tokio::task::spawn_blocking(move || write(sources, zstd_level, &drafts)).await;
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

fn write(inputs: Vec<(Chunks, Mask)>, zstd_level: i32, drafts: &Path) -> Result<Option<EncodedSplit>, MergeError> {
    let options = SplitOptions { zstd_level, block_rows: MAX_BLOCK_ROWS, indexed: true };
    let draft = io_context(Draft::in_dir(drafts), || format!("cannot write to {}", drafts.display()))?;
    let mut writer = SplitWriter::for_rows(options, draft)?;
    let mut heap = BinaryHeap::with_capacity(inputs.len());
    for (number, (chunks, mask)) in inputs.into_iter().enumerate() {
        heap.extend(Cursor::start(number, chunks, mask)?);
    }
    let mut stream: Option<LabelSet> = None;
    while let Some(mut cursor) = heap.pop() {
        if stream.as_ref() != Some(&cursor.chunk.labels) {
            writer.begin_stream(&cursor.chunk.labels)?;
            stream = Some(cursor.chunk.labels.clone());
        }
        // As long as this input stays first its rows need no trip through the heap. A chunk is of one stream: only an input
        // that is at the same stream can come before the end of the chunk.
        let rival = heap.peek().filter(|next: &&Cursor| next.chunk.labels == cursor.chunk.labels);
        let rival = rival.map(|next| (next.timestamp, next.number));
        loop {
            // Before the writer drops repeated rows: of two equal ones only the older may be deleted.
            if !cursor.is_hidden()? {
                let (chunk, at) = (&cursor.chunk, cursor.at);
                writer.push_row(cursor.timestamp, chunk.place(at), chunk.metadata(at))?;
            }
            match cursor.advance()? {
                Advance::SameChunk if rival.is_none_or(|rival| (cursor.timestamp, cursor.number) < rival) => continue,
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
    mask: Mask,
    chunk: SortedChunk,
    /// What is left out of the chunk.
    hidden: Option<StreamMask>,
    at: usize,
    timestamp: Timestamp,
}

enum Advance {
    SameChunk,
    NewChunk,
    End,
}

impl Cursor {
    fn start(number: usize, mut chunks: Chunks, mask: Mask) -> Result<Option<Self>, MergeError> {
        let Some(chunk) = next_chunk(number, &mut chunks)? else { return Ok(None) };
        let timestamp = chunk.timestamp(0);
        let hidden = mask.of_stream(&chunk.labels);
        Ok(Some(Cursor { number, chunks, mask, chunk, hidden, at: 0, timestamp }))
    }

    fn advance(&mut self) -> Result<Advance, MergeError> {
        self.at += 1;
        if self.at < self.chunk.len() {
            self.timestamp = self.chunk.timestamp(self.at);
            return Ok(Advance::SameChunk);
        }
        let Some(chunk) = next_chunk(self.number, &mut self.chunks)? else { return Ok(Advance::End) };
        self.timestamp = chunk.timestamp(0);
        self.hidden = self.mask.of_stream(&chunk.labels);
        self.chunk = chunk;
        self.at = 0;
        Ok(Advance::NewChunk)
    }

    /// Whether the mask hides the row; its body becomes text only when that can depend on it.
    fn is_hidden(&self) -> Result<bool, StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(false) };
        let body = match hidden.needs_body(self.timestamp, self.timestamp) {
            true => self.chunk.body(self.at)?,
            false => String::new(),
        };
        Ok(hidden.hides(self.timestamp, &body))
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

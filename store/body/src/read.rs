//! Reads the parts of a block: its head, the directory of frames and columns, and what a frame holds.

use crate::column::{Column, Format, stride};
use crate::encode::{DICTIONARY, HEX, NUMBERS, PLAIN_STRINGS, checksum, id_bytes};
use crate::error::BodyError;
use crate::numbers::{Input, read_numbers};
use crate::pairs::PairSet;
use crate::source::Source;
use crate::strings::Texts;
use crate::template::Template;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

/// Most bytes of a head or a frame; more is damage.
const MAX_RAW: usize = u32::MAX as usize;

/// Where a column ends in its frame, and what is known of it without reading it. A block has tens of thousands of them.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub end: u32,
    /// Packed [`Holds`]: two bits say which, the others hold the width; or four the logarithm of the bytes of pairs, and 26
    /// where these begin, in fours.
    holds: u32,
}

/// What kind of values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Numbers,
    /// Of so many digits each.
    Hex(u8),
    /// Where its set of pairs is in [`Directory::pairs`], and how many bytes it has: a power of two from 4 on, or none.
    Strings {
        pairs: usize,
        len: usize,
    },
}

const KIND_SHIFT: u32 = 30;
const LEN_SHIFT: u32 = 26;
/// Sets of pairs of more bytes than can be told where they begin are damage.
const MAX_PAIRS: usize = 4 << LEN_SHIFT;

impl Place {
    pub fn new(end: u32, holds: Holds) -> Result<Self, BodyError> {
        let holds = match holds {
            Holds::Numbers => 0,
            Holds::Hex(width) => 1 << KIND_SHIFT | u32::from(width),
            Holds::Strings { pairs, .. } if pairs >= MAX_PAIRS => {
                return Err(BodyError::Malformed("it has too many pairs"));
            }
            Holds::Strings { pairs, len } => {
                2 << KIND_SHIFT | len.checked_ilog2().unwrap_or(0) << LEN_SHIFT | (pairs / 4) as u32
            }
        };
        Ok(Place { end, holds })
    }

    pub fn holds(self) -> Holds {
        match self.holds >> KIND_SHIFT {
            0 => Holds::Numbers,
            1 => Holds::Hex(self.holds as u8),
            _ => {
                let power = self.holds >> LEN_SHIFT & 15;
                let pairs = (self.holds & ((1 << LEN_SHIFT) - 1)) as usize * 4;
                Holds::Strings { pairs, len: if power == 0 { 0 } else { 1 << power } }
            }
        }
    }
}

/// Where the columns of a block are. Empty for a block that was just built.
#[derive(Debug, Default)]
pub struct Directory {
    pub frames: Vec<Frame>,
    pub places: Vec<Place>,
    /// Bits of the sets of pairs of all columns.
    pub pairs: Vec<u8>,
}

impl Directory {
    /// The number of a column's frame, and the column's bytes in it.
    pub fn find(&self, column: usize) -> (usize, Range<usize>) {
        let frame = self.frames.partition_point(|frame| frame.first_column as usize <= column) - 1;
        let is_first = self.frames[frame].first_column as usize == column;
        let start = if is_first { 0 } else { self.places[column - 1].end };
        (frame, start as usize..self.places[column].end as usize)
    }

    /// Bytes of memory without frames that were read, about.
    pub fn memory(&self) -> usize {
        self.frames.len() * size_of::<Frame>() + self.places.len() * size_of::<Place>() + self.pairs.len()
    }
}

#[derive(Debug, Default)]
pub struct Frame {
    /// Its bytes in the block.
    pub at: Range<usize>,
    pub raw_len: usize,
    pub checksum: u32,
    pub first_column: u32,
    pub raw: OnceLock<Vec<u8>>,
}

impl Frame {
    /// Reads and checks it; keeps nothing.
    pub fn read(&self, source: &dyn Source) -> Result<Vec<u8>, BodyError> {
        let packed = source.read(self.at.clone()).map_err(unread)?;
        if checksum(&packed) != self.checksum {
            return Err(BodyError::Checksum("a frame"));
        }
        decompress(&packed, self.raw_len)
    }
}

/// An error of a source.
pub fn unread(error: std::io::Error) -> BodyError {
    BodyError::Unread(error.to_string())
}

thread_local! {
    /// Making a context costs more than decompressing a frame.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

pub fn decompress(packed: &[u8], raw_len: usize) -> Result<Vec<u8>, BodyError> {
    if raw_len > MAX_RAW {
        return Err(BodyError::Malformed("a frame is too large"));
    }
    let raw = ZSTD.with_borrow_mut(|context| {
        let context = match context {
            Some(context) => context,
            None => context.insert(zstd::bulk::Decompressor::new()?),
        };
        context.decompress(packed, raw_len)
    })?;
    if raw.len() != raw_len { Err(BodyError::Malformed("a frame has another length")) } else { Ok(raw) }
}

/// The frames, of which `len` bytes follow from `at` on, and the number of columns in all.
pub fn read_frames(head: &mut Input<'_>, len: usize, mut at: usize) -> Result<(Vec<Frame>, usize), BodyError> {
    let (mut frames, mut columns, mut left) = (Vec::new(), 0u32, len);
    for _ in 0..head.size()? {
        let first_column = columns;
        let held = u32::try_from(head.size()?).ok().and_then(|held| columns.checked_add(held));
        columns = held.ok_or(BodyError::Malformed("it has too many columns"))?;
        let (raw_len, len, checksum) = (head.size()?, head.size()?, head.word()?);
        left = left.checked_sub(len).ok_or(BodyError::Malformed("the directory points outside"))?;
        frames.push(Frame { at: at..at + len, raw_len, checksum, first_column, raw: OnceLock::new() });
        at += len;
    }
    Ok((frames, columns as usize))
}

/// Where the columns of the frames are: `columns` of them, one for each slot of the templates.
pub fn read_directory(head: &mut Input<'_>, frames: Vec<Frame>, columns: usize) -> Result<Directory, BodyError> {
    if columns > head.0.len() {
        return Err(BodyError::Malformed("more columns than bytes"));
    }
    let mut places = Vec::with_capacity(columns);
    let mut pairs = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        let end = frames.get(at + 1).map_or(columns, |next| next.first_column as usize);
        let mut bytes = 0;
        for _ in frame.first_column as usize..end {
            bytes += head.size()?;
            if bytes > frame.raw_len.min(MAX_RAW) {
                return Err(BodyError::Malformed("a column reaches beyond its frame"));
            }
            places.push(Place::new(bytes as u32, read_holds(head, &mut pairs)?)?);
        }
    }
    pairs.shrink_to_fit();
    Ok(Directory { frames, places, pairs })
}

fn read_holds(head: &mut Input<'_>, pairs: &mut Vec<u8>) -> Result<Holds, BodyError> {
    let (kind, width) = (head.byte()?, head.byte()?);
    Ok(match kind {
        NUMBERS => Holds::Numbers,
        HEX => Holds::Hex(width),
        DICTIONARY | PLAIN_STRINGS => {
            let (start, set) = (pairs.len(), PairSet::read(head)?);
            pairs.extend_from_slice(set.bits());
            Holds::Strings { pairs: start, len: set.bits().len() }
        }
        _ => return Err(BodyError::Malformed("unknown kind of column")),
    })
}

pub fn read_templates(head: &mut Input<'_>) -> Result<Vec<Template>, BodyError> {
    let count = head.size()?;
    if count > head.0.len() {
        return Err(BodyError::Malformed("more templates than bytes"));
    }
    let lens: Vec<usize> = (0..count).map(|_| head.size()).collect::<Result<_, _>>()?;
    let mut templates: Vec<Template> = Vec::with_capacity(count);
    let mut columns = 0;
    for len in lens {
        let template = Template::new(head.take(len)?, columns);
        columns += template.slots;
        templates.push(template);
    }
    Ok(templates)
}

pub fn read_ids(input: &mut Input<'_>, rows: usize, count: usize) -> Result<Vec<u32>, BodyError> {
    let len = id_bytes(count);
    if rows > crate::builder::MAX_BLOCK_ROWS {
        return Err(BodyError::Malformed("it has too many rows"));
    }
    let bytes = input.take(rows * len)?;
    let ids: Vec<u32> = match len {
        0 => vec![0; rows],
        1 => bytes.iter().map(|byte| u32::from(*byte)).collect(),
        2 => bytes.chunks_exact(2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]]))).collect(),
        _ => bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
    };
    if ids.iter().any(|id| *id as usize >= count) {
        return Err(BodyError::Malformed("a row names something that is not there"));
    }
    Ok(ids)
}

pub fn read_column(input: &mut Input<'_>, count: usize) -> Result<Column, BodyError> {
    match input.byte()? {
        NUMBERS => {
            let width = input.byte()?;
            if width > 18 {
                return Err(BodyError::Malformed("numbers are too wide"));
            }
            let values = if count == 0 { Vec::new() } else { read_numbers(input, count)? };
            Ok(Column::Numbers { values, format: Format { canonical: width == 0, width } })
        }
        HEX => {
            let width = input.byte()?;
            Ok(Column::Hex { width, bytes: input.take(count * stride(width))?.to_vec() })
        }
        DICTIONARY => {
            let known = input.size()?;
            let texts = read_texts(input, known)?;
            Ok(Column::Strings { ids: read_ids(input, count, known)?, texts })
        }
        PLAIN_STRINGS => {
            let texts = read_texts(input, count)?;
            Ok(Column::Strings { texts, ids: (0..count as u32).collect() })
        }
        _ => Err(BodyError::Malformed("unknown kind of column")),
    }
}

fn read_texts(input: &mut Input<'_>, count: usize) -> Result<Texts, BodyError> {
    if count > input.0.len() {
        return Err(BodyError::Malformed("more texts than bytes"));
    }
    let mut texts = Texts { bytes: Vec::new(), ends: Vec::with_capacity(count) };
    let mut end = 0usize;
    for _ in 0..count {
        end += input.size()?;
        if end > input.0.len() {
            return Err(BodyError::Malformed("texts point outside"));
        }
        texts.ends.push(end as u32);
    }
    texts.bytes = input.take(end)?.to_vec();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_holds_survives_packing() {
        for holds in [
            Holds::Numbers,
            Holds::Hex(0),
            Holds::Hex(128),
            Holds::Strings { pairs: 0, len: 0 },
            Holds::Strings { pairs: 4, len: 4 },
            Holds::Strings { pairs: MAX_PAIRS - 4, len: 256 },
        ] {
            assert_eq!(Place::new(7, holds).unwrap().holds(), holds);
        }
        assert!(Place::new(7, Holds::Strings { pairs: MAX_PAIRS, len: 4 }).is_err());
    }
}

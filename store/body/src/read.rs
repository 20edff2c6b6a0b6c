//! Reads the parts of a block: its head, the directory of frames and columns, and what a frame holds.

use crate::column::{Column, Format, stride};
use crate::encode::{DICTIONARY, HEX, NUMBERS, PLAIN_STRINGS, checksum, id_bytes};
use crate::error::BodyError;
use crate::numbers::{Input, read_numbers};
use crate::pairs::PairSet;
use crate::strings::Texts;
use crate::template::Template;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

/// Most bytes of a head or a frame; more is damage.
const MAX_RAW: usize = u32::MAX as usize;

/// Where a column is, and what is known of it without reading it. A block has thousands of them.
#[derive(Debug)]
pub struct Place {
    pub template: u32,
    pub frame: u32,
    /// Its bytes in the frame.
    pub at: Range<u32>,
    pub holds: Holds,
    pub column: OnceLock<Box<Result<Column, BodyError>>>,
}

/// What kind of values a column has.
#[derive(Clone, Debug)]
pub enum Holds {
    Numbers,
    /// Of so many digits each.
    Hex(u8),
    /// Where its set of pairs is in `Block::pairs`; `None` in a block that was just built.
    Strings(Option<Range<u32>>),
}

#[derive(Debug, Default)]
pub struct Frame {
    pub at: Range<usize>,
    pub raw_len: usize,
    pub checksum: u32,
    pub raw: OnceLock<Result<Vec<u8>, BodyError>>,
}

impl Frame {
    pub fn raw(&self, bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        let packed = bytes.get(self.at.clone()).unwrap_or_default();
        if checksum(packed) != self.checksum {
            return Err(BodyError::Checksum("a frame"));
        }
        decompress(packed, self.raw_len)
    }
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

/// The frames, of which `len` bytes follow from `at` on, and how many columns each holds.
pub fn read_frames(head: &mut Input<'_>, len: usize, mut at: usize) -> Result<(Vec<Frame>, Vec<usize>), BodyError> {
    let (mut frames, mut held, mut left) = (Vec::new(), Vec::new(), len);
    for _ in 0..head.size()? {
        held.push(head.size()?);
        let (raw_len, len, checksum) = (head.size()?, head.size()?, head.word()?);
        left = left.checked_sub(len).ok_or(BodyError::Malformed("the directory points outside"))?;
        frames.push(Frame { at: at..at + len, raw_len, checksum, raw: OnceLock::new() });
        at += len;
    }
    Ok((frames, held))
}

/// Where the columns of all templates are, and the bits of their sets of pairs.
pub fn read_directory(
    head: &mut Input<'_>,
    templates: &[Template],
    frames: &[Frame],
    held: &[usize],
) -> Result<(Vec<Place>, Vec<u8>), BodyError> {
    let mut frame_of = held.iter().zip(0u32..).flat_map(|(held, frame)| std::iter::repeat_n(frame, *held));
    let (mut columns, mut pairs) = (Vec::new(), Vec::new());
    let (mut open, mut start) = (0, 0u32);
    for (template, number) in templates.iter().zip(0u32..) {
        for _ in 0..template.slots {
            let frame = frame_of.next().ok_or(BodyError::Malformed("columns are missing"))?;
            start = if frame == open { start } else { 0 };
            open = frame;
            let end = start as usize + head.size()?;
            if end > frames[frame as usize].raw_len {
                return Err(BodyError::Malformed("a column reaches beyond its frame"));
            }
            let (at, holds) = (start..end as u32, read_holds(head, &mut pairs)?);
            columns.push(Place { template: number, frame, at, holds, column: OnceLock::new() });
            start = end as u32;
        }
    }
    match frame_of.next() {
        Some(_) => Err(BodyError::Malformed("more columns than slots")),
        None => Ok((columns, pairs)),
    }
}

fn read_holds(head: &mut Input<'_>, pairs: &mut Vec<u8>) -> Result<Holds, BodyError> {
    let (kind, width) = (head.byte()?, head.byte()?);
    Ok(match kind {
        NUMBERS => Holds::Numbers,
        HEX => Holds::Hex(width),
        DICTIONARY | PLAIN_STRINGS => {
            let start = pairs.len() as u32;
            pairs.extend_from_slice(PairSet::read(head)?.bits());
            Holds::Strings(Some(start..pairs.len() as u32))
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

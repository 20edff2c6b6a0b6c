//! A block as bytes: a head with the templates and the directory of frames and columns, then frames of zstd. The first frame says
//! which template each row has; the others hold the columns, template after template.

use crate::column::Column;
use crate::error::BodyError;
use crate::numbers::{write_numbers, write_varint};
use crate::pairs::PairSet;
use crate::rows::Rows;
use crate::strings::Texts;
use xxhash_rust::xxh3::xxh3_64;

/// A frame that has this many bytes before compression takes no further column.
pub const FRAME_BYTES: usize = 128 << 10;

pub const NUMBERS: u8 = 0;
pub const HEX: u8 = 1;
pub const DICTIONARY: u8 = 2;
pub const PLAIN_STRINGS: u8 = 3;

/// Low half of XXH3-64.
pub fn checksum(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

pub fn encode(rows: &Rows, level: i32) -> Result<Vec<u8>, BodyError> {
    let mut head = Vec::new();
    write_varint(rows.rows.len() as u64, &mut head);
    write_varint(rows.templates.len() as u64, &mut head);
    for template in &rows.templates {
        write_varint(template.text.len() as u64, &mut head);
    }
    rows.templates.iter().for_each(|template| head.extend_from_slice(&template.text));
    let mut frames = Frames::new(level)?;
    write_ids(&rows.rows, rows.templates.len(), &mut frames.raw);
    frames.end()?;
    for column in &rows.columns {
        frames.add(column)?;
    }
    if frames.held > 0 {
        frames.end()?;
    }
    write_varint(frames.count, &mut head);
    head.extend_from_slice(&frames.directory);
    head.extend_from_slice(&frames.columns);
    let packed = frames.compressor.compress(&head)?;
    let mut out = Vec::with_capacity(12 + packed.len() + frames.packed.len());
    out.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    out.extend_from_slice(&(head.len() as u32).to_le_bytes());
    out.extend_from_slice(&checksum(&packed).to_le_bytes());
    out.extend_from_slice(&packed);
    out.extend_from_slice(&frames.packed);
    Ok(out)
}

/// Frames that are written, and what the head says of them and of their columns.
struct Frames {
    compressor: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
    directory: Vec<u8>,
    columns: Vec<u8>,
    count: u64,
    /// The frame that is being filled, and how many columns it holds.
    raw: Vec<u8>,
    held: u64,
}

impl Frames {
    fn new(level: i32) -> Result<Self, BodyError> {
        let compressor = zstd::bulk::Compressor::new(level)?;
        let (packed, directory, columns, raw) = Default::default();
        Ok(Frames { compressor, packed, directory, columns, count: 0, raw, held: 0 })
    }

    /// Adds a column, and notes its kind, width and pairs of bytes, so that a search knows what it can hold without reading it.
    fn add(&mut self, column: &Column) -> Result<(), BodyError> {
        let before = self.raw.len();
        write_column(column, &mut self.raw);
        write_varint((self.raw.len() - before) as u64, &mut self.columns);
        let kind = self.raw[before];
        match column {
            Column::Strings { texts, .. } => {
                self.columns.extend_from_slice(&[kind, 0]);
                PairSet::of(texts).write(&mut self.columns);
            }
            Column::Numbers { .. } | Column::Hex { .. } => {
                self.columns.extend_from_slice(&[kind, self.raw[before + 1]]);
            }
        }
        self.held += 1;
        if self.raw.len() >= FRAME_BYTES { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), BodyError> {
        let packed = self.compressor.compress(&self.raw)?;
        write_varint(self.held, &mut self.directory);
        write_varint(self.raw.len() as u64, &mut self.directory);
        write_varint(packed.len() as u64, &mut self.directory);
        self.directory.extend_from_slice(&checksum(&packed).to_le_bytes());
        self.packed.extend_from_slice(&packed);
        self.raw.clear();
        (self.count, self.held) = (self.count + 1, 0);
        Ok(())
    }
}

/// Bytes that a number below `count` takes: 0, 1, 2 or 4.
pub fn id_bytes(count: usize) -> usize {
    match count {
        0..=1 => 0,
        2..=256 => 1,
        257..=65_536 => 2,
        _ => 4,
    }
}

fn write_ids(ids: &[u32], count: usize, out: &mut Vec<u8>) {
    let len = id_bytes(count);
    match len {
        0 => {}
        1 => out.extend(ids.iter().map(|id| *id as u8)),
        2 => ids.iter().for_each(|id| out.extend_from_slice(&(*id as u16).to_le_bytes())),
        _ => ids.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes())),
    }
}

fn write_column(column: &Column, out: &mut Vec<u8>) {
    match column {
        Column::Numbers { values, format } => {
            out.push(NUMBERS);
            out.push(if format.canonical { 0 } else { format.width });
            if !values.is_empty() {
                write_numbers(values, out);
            }
        }
        Column::Hex { width, bytes } => {
            out.extend_from_slice(&[HEX, *width]);
            out.extend_from_slice(bytes);
        }
        Column::Strings { texts, ids } if texts.len() * 4 > ids.len() * 3 => {
            out.push(PLAIN_STRINGS);
            ids.iter().for_each(|id| write_varint(texts.get(*id as usize).len() as u64, out));
            ids.iter().for_each(|id| out.extend_from_slice(texts.get(*id as usize)));
        }
        Column::Strings { texts, ids } => {
            out.push(DICTIONARY);
            write_texts(texts, out);
            write_ids(ids, texts.len(), out);
        }
    }
}

fn write_texts(texts: &Texts, out: &mut Vec<u8>) {
    write_varint(texts.len() as u64, out);
    texts.iter().for_each(|text| write_varint(text.len() as u64, out));
    out.extend_from_slice(&texts.bytes);
}

//! A block as bytes: a head with the templates and the directory of frames, then frames of zstd. The first frame says
//! which template each row has; the others hold the columns, template after template.

use crate::column::Column;
use crate::error::BodyError;
use crate::numbers::{write_numbers, write_varint};
use crate::rows::Rows;
use crate::strings::Texts;
use xxhash_rust::xxh3::xxh3_64;

/// A frame that has this many bytes before compression takes no further column.
const FRAME_BYTES: usize = 128 << 10;

pub const NUMBERS: u8 = 0;
pub const HEX: u8 = 1;
pub const DICTIONARY: u8 = 2;
pub const PLAIN_STRINGS: u8 = 3;

/// Low half of XXH3-64.
pub fn checksum(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

pub fn encode(rows: &Rows, level: i32) -> Result<Vec<u8>, BodyError> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    let mut head = Vec::new();
    let mut frames = Vec::new();
    write_varint(rows.rows.len() as u64, &mut head);
    write_varint(rows.templates.len() as u64, &mut head);
    for template in &rows.templates {
        write_varint(template.text.len() as u64, &mut head);
    }
    rows.templates.iter().for_each(|template| head.extend_from_slice(&template.text));
    let mut directory = Vec::new();
    let mut add = |raw: &mut Vec<u8>, columns: &mut u64| -> Result<(), BodyError> {
        let packed = compressor.compress(raw)?;
        write_varint(*columns, &mut directory);
        write_varint(raw.len() as u64, &mut directory);
        write_varint(packed.len() as u64, &mut directory);
        directory.extend_from_slice(&checksum(&packed).to_le_bytes());
        frames.extend_from_slice(&packed);
        raw.clear();
        *columns = 0;
        Ok(())
    };
    let (mut raw, mut columns) = (Vec::new(), 0);
    write_ids(&rows.rows, rows.templates.len(), &mut raw);
    add(&mut raw, &mut columns)?;
    for column in &rows.columns {
        write_column(column, &mut raw);
        columns += 1;
        if raw.len() >= FRAME_BYTES {
            add(&mut raw, &mut columns)?;
        }
    }
    if columns > 0 {
        add(&mut raw, &mut columns)?;
    }
    head.extend_from_slice(&directory);
    let packed = compressor.compress(&head)?;
    let mut out = Vec::with_capacity(12 + packed.len() + frames.len());
    out.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    out.extend_from_slice(&(head.len() as u32).to_le_bytes());
    out.extend_from_slice(&checksum(&packed).to_le_bytes());
    out.extend_from_slice(&packed);
    out.extend_from_slice(&frames);
    Ok(out)
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

//! Reads a block. Frames are decompressed when a column of theirs is first asked for.

use crate::column::{Column, Format, stride};
use crate::encode::{DICTIONARY, HEX, NUMBERS, PLAIN_STRINGS, checksum, id_bytes};
use crate::error::BodyError;
use crate::numbers::{Input, read_numbers};
use crate::rows::Rows;
use crate::strings::Texts;
use crate::template::Template;
use std::ops::Range;
use std::sync::OnceLock;

/// Most bytes of a head or a frame; more is damage.
const MAX_RAW: usize = u32::MAX as usize;

/// Lines as templates and columns.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    templates: Vec<Template>,
    /// Template of each row, and which of its rows it is.
    places: Vec<(u32, u32)>,
    counts: Vec<u32>,
    frames: Vec<Frame>,
    /// Frame of each column, and its number there.
    columns: Vec<(u32, u32)>,
    /// Bytes of each line, once somebody asked.
    lens: OnceLock<Result<Vec<u32>, BodyError>>,
}

#[derive(Debug, Default)]
struct Frame {
    at: Range<usize>,
    raw_len: usize,
    checksum: u32,
    /// Rows of each column.
    counts: Vec<u32>,
    columns: OnceLock<Result<Vec<Column>, BodyError>>,
}

/// Lines one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// All lines without anything between them.
    pub bytes: Vec<u8>,
    /// Where each line ends.
    pub ends: Vec<usize>,
}

impl Block {
    /// Reads the head and the templates of the rows.
    ///
    /// # Errors
    /// The bytes are no block, or damaged.
    pub fn open(bytes: Vec<u8>) -> Result<Self, BodyError> {
        let mut input = Input(&bytes);
        let (len, raw_len, sum) = (input.word()? as usize, input.word()? as usize, input.word()?);
        let packed = input.take(len)?;
        if checksum(packed) != sum {
            return Err(BodyError::Checksum("the head"));
        }
        let head = decompress(packed, raw_len)?;
        let mut head = Input(&head);
        let rows = head.size()?;
        let templates = read_templates(&mut head)?;
        let all_columns = templates.last().map_or(0, |last| last.first_column + last.slots);
        let (mut at, mut columns, mut frames) = (12 + len, Vec::with_capacity(all_columns), Vec::new());
        while !head.0.is_empty() {
            let held = head.size()?;
            let (raw_len, len, checksum) = (head.size()?, head.size()?, head.word()?);
            if held > all_columns - columns.len() || len > bytes.len() - at {
                return Err(BodyError::Malformed("the directory points outside"));
            }
            columns.extend((0..held as u32).map(|number| (frames.len() as u32, number)));
            let counts = Vec::with_capacity(held);
            frames.push(Frame { at: at..at + len, raw_len, checksum, counts, columns: OnceLock::new() });
            at += len;
        }
        if columns.len() != all_columns || frames.is_empty() {
            return Err(BodyError::Malformed("columns are missing"));
        }
        let ids = frames[0].raw(&bytes)?;
        let ids = read_ids(&mut Input(&ids), rows, templates.len())?;
        let (places, counts) = places(&ids, templates.len());
        for (template, count) in templates.iter().zip(&counts) {
            for column in template.first_column..template.first_column + template.slots {
                frames[columns[column].0 as usize].counts.push(*count);
            }
        }
        Ok(Block { bytes, templates, places, counts, frames, columns, lens: OnceLock::new() })
    }

    /// A block that was just built, without a trip through bytes.
    pub(crate) fn from_rows(rows: Rows) -> Self {
        let (places, counts) = places(&rows.rows, rows.templates.len());
        let columns = (0..rows.columns.len() as u32).map(|at| (0, at)).collect();
        let frame = Frame { columns: OnceLock::from(Ok(rows.columns)), ..Frame::default() };
        let (bytes, frames) = (Vec::new(), vec![frame]);
        Block { bytes, templates: rows.templates, places, counts, frames, columns, lens: OnceLock::new() }
    }

    /// Decompresses and checks all frames, for a reader that needs every row.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn decode_all(&self) -> Result<(), BodyError> {
        (0..self.columns.len()).try_for_each(|column| self.column(column).map(|_| ()))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The templates; rows name them by position.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// How many rows have the template.
    pub fn rows_of(&self, template: u32) -> u32 {
        self.counts[template as usize]
    }

    /// The template of a row, and which of the template's rows it is.
    pub fn place(&self, row: usize) -> (u32, usize) {
        let (template, at) = self.places[row];
        (template, at as usize)
    }

    /// A column: `Template::first_column` and up.
    pub(crate) fn column(&self, column: usize) -> Result<&Column, BodyError> {
        let (frame, number) = self.columns[column];
        let frame = &self.frames[frame as usize];
        let columns = frame.columns.get_or_init(|| frame.decode(&self.bytes)).as_ref().map_err(Clone::clone)?;
        Ok(&columns[number as usize])
    }

    /// Appends the line of a row to `out`.
    ///
    /// # Errors
    /// The frame with its values is damaged.
    pub fn write_row(&self, row: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let (template, at) = self.place(row);
        let template = &self.templates[template as usize];
        let mut pieces = template.pieces();
        out.extend_from_slice(pieces.next().unwrap_or_default());
        for (slot, piece) in pieces.enumerate() {
            self.column(template.first_column + slot)?.write(at, out);
            out.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Bytes of the line of a row. The first call looks at all rows.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn row_len(&self, row: usize) -> Result<usize, BodyError> {
        let lens = self.lens.get_or_init(|| self.all_lens()).as_ref().map_err(Clone::clone)?;
        Ok(lens[row] as usize)
    }

    fn all_lens(&self) -> Result<Vec<u32>, BodyError> {
        let mut by_template: Vec<Vec<u32>> = Vec::with_capacity(self.templates.len());
        for (template, count) in self.templates.iter().zip(&self.counts) {
            let fixed = if template.is_raw() { 0 } else { template.text.len() - template.slots };
            let mut lens = vec![fixed as u32; *count as usize];
            for slot in 0..template.slots {
                self.column(template.first_column + slot)?.add_lens(&mut lens);
            }
            by_template.push(lens);
        }
        Ok(self.places.iter().map(|(template, at)| by_template[*template as usize][*at as usize]).collect())
    }

    /// The lines of rows, in the order asked for.
    ///
    /// # Errors
    /// A frame with their values is damaged.
    pub fn decode(&self, rows: impl Iterator<Item = usize>) -> Result<Text, BodyError> {
        let mut text = Text::default();
        for row in rows {
            self.write_row(row, &mut text.bytes)?;
            text.ends.push(text.bytes.len());
        }
        Ok(text)
    }

    /// Bytes of memory that it takes once all frames are decompressed, about.
    pub fn memory(&self) -> usize {
        let frames: usize = self.frames.iter().map(|frame| frame.raw_len * 3).sum();
        self.bytes.len()
            + frames
            + self.places.len() * 8
            + self.templates.iter().map(|t| t.text.len() + 64).sum::<usize>()
    }
}

fn places(ids: &[u32], templates: usize) -> (Vec<(u32, u32)>, Vec<u32>) {
    let mut counts = vec![0u32; templates];
    let place = |id: &u32| {
        let at = counts[*id as usize];
        counts[*id as usize] += 1;
        (*id, at)
    };
    (ids.iter().map(place).collect(), counts)
}

fn decompress(packed: &[u8], raw_len: usize) -> Result<Vec<u8>, BodyError> {
    if raw_len > MAX_RAW {
        return Err(BodyError::Malformed("a frame is too large"));
    }
    let raw = zstd::bulk::decompress(packed, raw_len)?;
    if raw.len() != raw_len { Err(BodyError::Malformed("a frame has another length")) } else { Ok(raw) }
}

fn read_templates(head: &mut Input<'_>) -> Result<Vec<Template>, BodyError> {
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

fn read_ids(input: &mut Input<'_>, rows: usize, count: usize) -> Result<Vec<u32>, BodyError> {
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

impl Frame {
    fn raw(&self, bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        let packed = &bytes[self.at.clone()];
        if checksum(packed) != self.checksum {
            return Err(BodyError::Checksum("a frame"));
        }
        decompress(packed, self.raw_len)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<Column>, BodyError> {
        let raw = self.raw(bytes)?;
        let mut input = Input(&raw);
        self.counts.iter().map(|count| read_column(&mut input, *count as usize)).collect()
    }
}

fn read_column(input: &mut Input<'_>, count: usize) -> Result<Column, BodyError> {
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

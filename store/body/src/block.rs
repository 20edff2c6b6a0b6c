//! Reads a block. Frames are decompressed when a column of theirs is first asked for.

use crate::column::Column;
use crate::encode::checksum;
use crate::error::BodyError;
use crate::numbers::Input;
use crate::pairs::PairSet;
use crate::read::{
    Frame, Holds, Place, decompress, read_column, read_directory, read_frames, read_ids, read_templates,
};
use crate::rows::Rows;
use crate::template::Template;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lines as templates and columns.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    templates: Vec<Template>,
    /// Template of each row, and which of its rows it is.
    places: Vec<(u32, u32)>,
    counts: Vec<u32>,
    frames: Vec<Frame>,
    columns: Vec<Place>,
    /// Bits of the sets of pairs of all columns.
    pairs: Vec<u8>,
    /// Bytes of each line, once somebody asked.
    lens: OnceLock<Result<Vec<u32>, BodyError>>,
    /// Bytes of frames and columns that were read so far.
    decoded: AtomicUsize,
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
        let (frames, held) = read_frames(&mut head, bytes.get(12 + len..).unwrap_or_default().len(), 12 + len)?;
        let first = frames.first().ok_or(BodyError::Malformed("the templates of the rows are missing"))?;
        let (columns, pairs) = read_directory(&mut head, &templates, &frames, &held)?;
        let ids = first.raw(&bytes)?;
        let ids = read_ids(&mut Input(&ids), rows, templates.len())?;
        let (places, counts) = places(&ids, templates.len());
        Ok(Block {
            bytes,
            templates,
            places,
            counts,
            frames,
            columns,
            pairs,
            lens: OnceLock::new(),
            decoded: AtomicUsize::new(0),
        })
    }

    /// A block that was just built, without a trip through bytes.
    pub(crate) fn from_rows(rows: Rows) -> Self {
        let (places, counts) = places(&rows.rows, rows.templates.len());
        let template_of = rows.templates.iter().zip(0u32..).flat_map(|(template, at)| vec![at; template.slots]);
        let place = |(column, template): (Column, u32)| {
            let holds = match &column {
                Column::Numbers { .. } => Holds::Numbers,
                Column::Hex { width, .. } => Holds::Hex(*width),
                Column::Strings { .. } => Holds::Strings(None),
            };
            Place { template, frame: 0, at: 0..0, holds, column: OnceLock::from(Box::new(Ok(column))) }
        };
        let columns = rows.columns.into_iter().zip(template_of).map(place).collect();
        let (bytes, frames, pairs) = Default::default();
        Block {
            bytes,
            templates: rows.templates,
            places,
            counts,
            frames,
            columns,
            pairs,
            lens: OnceLock::new(),
            decoded: AtomicUsize::new(0),
        }
    }

    /// Decompresses and checks all frames, for a reader that needs every row.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn decode_all(&mut self) -> Result<(), BodyError> {
        let mut open: (u32, Vec<u8>) = (u32::MAX, Vec::new());
        for place in &self.columns {
            if place.column.get().is_some() {
                continue;
            }
            if open.0 != place.frame {
                open = (place.frame, self.frames[place.frame as usize].raw(&self.bytes)?);
            }
            let rows = self.counts[place.template as usize] as usize;
            let _ = place.column.set(Box::new(read_column(&mut Input(&open.1[as_range(&place.at)]), rows)));
        }
        // They are not needed any more.
        self.bytes = Vec::new();
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
        let place = &self.columns[column];
        let read = place.column.get_or_init(|| Box::new(self.read(place)));
        read.as_ref().as_ref().map_err(Clone::clone)
    }

    fn read(&self, place: &Place) -> Result<Column, BodyError> {
        let frame = &self.frames[place.frame as usize];
        let raw = frame.raw.get_or_init(|| {
            self.decoded.fetch_add(frame.raw_len, Ordering::Relaxed);
            frame.raw(&self.bytes)
        });
        let raw = raw.as_ref().map_err(Clone::clone)?;
        let rows = self.counts[place.template as usize] as usize;
        let column = read_column(&mut Input(&raw[as_range(&place.at)]), rows)?;
        self.decoded.fetch_add(column.memory(), Ordering::Relaxed);
        Ok(column)
    }

    /// False when no value of the column holds the literal, as far as its head says.
    pub(crate) fn can_hold(&self, column: usize, literal: &[u8]) -> bool {
        match &self.columns[column].holds {
            Holds::Numbers => literal.len() <= 18 && literal.iter().all(u8::is_ascii_digit),
            Holds::Hex(width) => {
                literal.len() <= *width as usize && literal.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            Holds::Strings(None) => true,
            Holds::Strings(Some(at)) => PairSet::from_bits(&self.pairs[as_range(at)]).can_hold(literal),
        }
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

    /// Bytes of memory that it takes now, about; more when further columns are read.
    pub fn memory(&self) -> usize {
        self.bytes.len()
            + self.decoded.load(Ordering::Relaxed)
            + self.pairs.len()
            + self.columns.len() * size_of::<Place>()
            + self.places.len() * 8
            + self.templates.iter().map(|t| t.text.len() + size_of::<Template>()).sum::<usize>()
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

fn as_range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

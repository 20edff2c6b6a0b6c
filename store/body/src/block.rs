//! Reads a block. Frames are decompressed when a column of theirs is first asked for.

use crate::column::Column;
use crate::encode::checksum;
use crate::error::BodyError;
use crate::numbers::Input;
use crate::pairs::{PairSet, Pairs};
use crate::places::{Cursor, Places};
use crate::read::{
    Directory, Holds, decompress, read_column, read_directory, read_frames, read_ids, read_templates, unread,
};
use crate::rows::Rows;
use crate::source::Source;
use crate::template::Template;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes before the head.
const PREFIX: usize = 12;

/// Lines as templates and columns.
#[derive(Debug)]
pub struct Block {
    /// `None` when all columns are here.
    source: Option<Box<dyn Source>>,
    templates: Vec<Template>,
    places: Places,
    directory: Directory,
    /// Of each template, once a column of it was read.
    columns: Vec<OnceLock<Box<[Values]>>>,
    /// Bytes of each line, once somebody asked.
    lens: OnceLock<Vec<u32>>,
    /// Bytes of frames and columns that were read so far.
    decoded: AtomicUsize,
}

/// A column, once it was read.
type Values = OnceLock<Box<Column>>;

/// Lines one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// All lines without anything between them.
    pub bytes: Vec<u8>,
    /// Where each line ends.
    pub ends: Vec<usize>,
}

impl Block {
    /// As [`Block::open_from`], of bytes in memory.
    ///
    /// # Errors
    /// The bytes are no block, or damaged.
    pub fn open(bytes: Vec<u8>) -> Result<Self, BodyError> {
        let len = bytes.len();
        Block::open_from(Box::new(bytes), len)
    }

    /// Reads the head and the templates of the rows of a block of `len` bytes; columns are read when they are needed.
    ///
    /// # Errors
    /// The bytes are no block, or damaged, or cannot be read.
    pub fn open_from(source: Box<dyn Source>, len: usize) -> Result<Self, BodyError> {
        let prefix = source.read(0..PREFIX.min(len)).map_err(unread)?;
        let mut input = Input(&prefix);
        let (packed_len, raw_len, sum) = (input.word()? as usize, input.word()? as usize, input.word()?);
        let after = PREFIX + packed_len;
        let left = len.checked_sub(after).ok_or(BodyError::Malformed("it ends early"))?;
        let packed = source.read(PREFIX..after).map_err(unread)?;
        if checksum(&packed) != sum {
            return Err(BodyError::Checksum("the head"));
        }
        let head = decompress(&packed, raw_len)?;
        let mut head = Input(&head);
        let rows = head.size()?;
        let templates = read_templates(&mut head)?;
        let (frames, columns) = read_frames(&mut head, left, after)?;
        if columns != templates.iter().map(|template| template.slots).sum::<usize>() {
            return Err(BodyError::Malformed("there is not a column for every slot"));
        }
        let first = frames.first().ok_or(BodyError::Malformed("the templates of the rows are missing"))?;
        let ids = first.read(&*source)?;
        let ids = read_ids(&mut Input(&ids), rows, templates.len())?;
        let places = Places::new(&ids, templates.len());
        let directory = read_directory(&mut head, frames, columns)?;
        drop((prefix, packed));
        Ok(Block {
            source: Some(source),
            columns: templates.iter().map(|_| OnceLock::new()).collect(),
            templates,
            places,
            directory,
            lens: OnceLock::new(),
            decoded: AtomicUsize::new(0),
        })
    }

    /// A block that was just built, without a trip through bytes.
    pub(crate) fn from_rows(rows: Rows) -> Self {
        let places = Places::new(&rows.rows, rows.templates.len());
        let mut columns = rows.columns.into_iter().map(|column| Values::from(Box::new(column)));
        let mut of = |template: &Template| OnceLock::from(columns.by_ref().take(template.slots).collect::<Box<[_]>>());
        Block {
            source: None,
            columns: rows.templates.iter().map(&mut of).collect(),
            templates: rows.templates,
            places,
            directory: Directory::default(),
            lens: OnceLock::new(),
            decoded: AtomicUsize::new(0),
        }
    }

    /// Reads and checks all frames, for a reader that needs every row.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn decode_all(&mut self) -> Result<(), BodyError> {
        let Some(source) = &self.source else { return Ok(()) };
        let mut open: (usize, Vec<u8>) = (usize::MAX, Vec::new());
        for (number, template) in self.templates.iter().enumerate() {
            for (slot, values) in self.values(number).iter().enumerate() {
                if values.get().is_some() {
                    continue;
                }
                let (frame, at) = self.directory.find(template.first_column + slot);
                if open.0 != frame {
                    open = (frame, self.directory.frames[frame].read(&**source)?);
                }
                let column = read_column(&mut Input(&open.1[at]), self.places.counts()[number] as usize)?;
                let _ = values.set(Box::new(column));
            }
        }
        // They are not needed any more.
        (self.source, self.directory.frames) = (None, Vec::new());
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The templates; rows name them by position.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// How many rows have the template.
    pub fn rows_of(&self, template: u32) -> u32 {
        self.places.counts()[template as usize]
    }

    /// The template of a row.
    pub fn template(&self, row: usize) -> u32 {
        self.places.template(row)
    }

    /// Finds the template of rows that ascend, and which of the template's rows each is.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        self.places.cursor()
    }

    fn values(&self, template: usize) -> &[Values] {
        let empty = || (0..self.templates[template].slots).map(|_| Values::new()).collect();
        self.columns[template].get_or_init(empty)
    }

    /// The column of a slot.
    pub(crate) fn column(&self, template: u32, slot: usize) -> Result<&Column, BodyError> {
        let values = &self.values(template as usize)[slot];
        if let Some(column) = values.get() {
            return Ok(column);
        }
        let column = self.read(template as usize, slot)?;
        Ok(values.get_or_init(|| Box::new(column)))
    }

    fn read(&self, template: usize, slot: usize) -> Result<Column, BodyError> {
        let (frame, at) = self.directory.find(self.templates[template].first_column + slot);
        let frame = &self.directory.frames[frame];
        let raw = match (frame.raw.get(), &self.source) {
            (Some(raw), _) => raw,
            (None, Some(source)) => {
                let raw = frame.read(&**source)?;
                if at.len() * 2 > raw.len() {
                    // Nobody will want much else of it.
                    return self.decoded_column(&raw[at], template);
                }
                self.decoded.fetch_add(raw.len(), Ordering::Relaxed);
                frame.raw.get_or_init(|| raw)
            }
            (None, None) => return Err(BodyError::Malformed("a column was not read")),
        };
        self.decoded_column(&raw[at], template)
    }

    fn decoded_column(&self, bytes: &[u8], template: usize) -> Result<Column, BodyError> {
        let column = read_column(&mut Input(bytes), self.places.counts()[template] as usize)?;
        self.decoded.fetch_add(column.memory(), Ordering::Relaxed);
        Ok(column)
    }

    /// False when no value of the column holds the literal, as far as its head says. A block without one does not know.
    pub(crate) fn can_hold(&self, template: u32, slot: usize, literal: &[u8]) -> bool {
        self.can_be(self.templates[template as usize].first_column + slot, literal, |set| set.can_hold(literal))
    }

    /// As [`Block::can_hold`], of a column by its number, and of a literal whose pairs are known.
    pub(crate) fn column_can_hold(&self, column: usize, literal: &[u8], pairs: &Pairs) -> bool {
        self.can_be(column, literal, |set| set.can_hold_pairs(pairs))
    }

    fn can_be(&self, column: usize, literal: &[u8], among: impl Fn(PairSet<&[u8]>) -> bool) -> bool {
        let Some(place) = self.directory.places.get(column) else { return true };
        match place.holds() {
            Holds::Numbers => literal.len() <= 18 && literal.iter().all(u8::is_ascii_digit),
            Holds::Hex(width) => {
                literal.len() <= usize::from(width) && literal.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            Holds::Strings { pairs, len } => among(PairSet::from_bits(&self.directory.pairs[pairs..pairs + len])),
        }
    }

    /// Where rows are.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Appends the line of a row to `out`.
    ///
    /// # Errors
    /// The frame with its values is damaged.
    pub fn write_row(&self, row: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let (template, at) = self.places.place(row);
        self.write_place(template, at, out)
    }

    /// As [`Block::write_row`], of a row that a cursor found.
    pub(crate) fn write_place(&self, template: u32, at: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let mut pieces = self.templates[template as usize].pieces();
        out.extend_from_slice(pieces.next().unwrap_or_default());
        for (slot, piece) in pieces.enumerate() {
            self.column(template, slot)?.write(at, out);
            out.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Bytes of the line of a row. The first call looks at all rows.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn row_len(&self, row: usize) -> Result<usize, BodyError> {
        if let Some(lens) = self.lens.get() {
            return Ok(lens[row] as usize);
        }
        let lens = self.all_lens()?;
        Ok(self.lens.get_or_init(|| lens)[row] as usize)
    }

    fn all_lens(&self) -> Result<Vec<u32>, BodyError> {
        let mut by_template: Vec<Vec<u32>> = Vec::with_capacity(self.templates.len());
        for ((template, number), count) in self.templates.iter().zip(0u32..).zip(self.places.counts()) {
            let fixed = if template.is_raw() { 0 } else { template.text.len() - template.slots };
            let mut lens = vec![fixed as u32; *count as usize];
            for slot in 0..template.slots {
                self.column(number, slot)?.add_lens(&mut lens);
            }
            by_template.push(lens);
        }
        let mut cursor = self.cursor();
        let len = |row: usize| {
            let (template, at) = cursor.place(row);
            by_template[template as usize][at]
        };
        Ok((0..self.len()).map(len).collect())
    }

    /// The lines of rows, in the order asked for; cheapest when they ascend.
    ///
    /// # Errors
    /// A frame with their values is damaged.
    pub fn decode(&self, rows: impl Iterator<Item = usize>) -> Result<Text, BodyError> {
        let mut text = Text::default();
        self.decode_into(rows, &mut text)?;
        Ok(text)
    }

    /// As [`Block::decode`], after the lines that `text` has already.
    ///
    /// # Errors
    /// A frame with their values is damaged.
    pub fn decode_into(&self, rows: impl Iterator<Item = usize>, text: &mut Text) -> Result<(), BodyError> {
        let mut cursor = self.cursor();
        for row in rows {
            let (template, at) = cursor.place(row);
            self.write_place(template, at, &mut text.bytes)?;
            text.ends.push(text.bytes.len());
        }
        Ok(())
    }

    /// Shows each row and its line to `visit`; cheapest when rows ascend.
    ///
    /// # Errors
    /// A frame with their values is damaged.
    pub fn for_each_line(
        &self,
        rows: impl Iterator<Item = usize>,
        mut visit: impl FnMut(usize, &[u8]),
    ) -> Result<(), BodyError> {
        let (mut cursor, mut line) = (self.cursor(), Vec::new());
        for row in rows {
            let (template, at) = cursor.place(row);
            line.clear();
            self.write_place(template, at, &mut line)?;
            visit(row, &line);
        }
        Ok(())
    }

    /// Bytes of memory that it takes now, about; more when further columns are read.
    pub fn memory(&self) -> usize {
        let template = |template: &Template| template.text.len() + size_of::<Template>() + size_of::<Values>();
        self.source.as_ref().map_or(0, |source| source.memory())
            + self.decoded.load(Ordering::Relaxed)
            + self.directory.memory()
            + self.places.memory()
            + self.templates.iter().map(template).sum::<usize>()
    }
}

//! The index file of a split: which streams lie where, and which granules can hold a text.
//!
//! Layout (docs/format/split.md): magic, tables (zstd JSON), filters, word bundle, directory (JSON), its length and
//! CRC-32, magic. Every section has a CRC-32 that is checked on open.

use super::granule::{GRANULE_ROWS, GranuleTerms, IdLengths, MIN_FILTERED_ID};
use super::literal;
use super::tokens::{Kind, MAX_TERM, MIN_RUN, Term, id_key, is_hex_word, length_bit, literal_terms, longer_bits};
use super::words::{BundledFile, WordIndex, WordIndexWriter, WordQuery};
use bytes::Bytes;
use gantry_model::{LabelSet, LineFilter, TimeRange, Timestamp};
use gantry_store_api::StoreError;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

const MAGIC: &[u8; 8] = b"GNTRIDX1";
const VERSION: u32 = 1;

/// A stream's run of rows in the Parquet file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitStream {
    pub labels: LabelSet,
    pub first_row: u32,
    pub rows: u32,
    pub min_ts: Timestamp,
    pub max_ts: Timestamp,
    /// Bytes of bodies and metadata.
    pub text_bytes: u64,
}

impl SplitStream {
    pub fn row_range(&self) -> Range<usize> {
        self.first_row as usize..(self.first_row + self.rows) as usize
    }
}

/// [`GRANULE_ROWS`] rows; the last granule of a split may have fewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granule {
    pub min_ts: Timestamp,
    pub max_ts: Timestamp,
    pub text_bytes: u64,
    pub id_lengths: IdLengths,
    pub has_long_term: bool,
    /// Some of its words are not in the index.
    #[serde(default)]
    pub has_too_many_words: bool,
    /// Bytes of its filter of ids; 0 when it has no id.
    pub filter_len: u32,
}

/// Where a page of the Parquet file lies, and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSum {
    pub offset: u64,
    pub len: u32,
    pub crc32: u32,
}

/// A block of coded bodies within the Parquet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyBlock {
    pub rows: u32,
    /// Where it lies in the file.
    pub offset: u64,
    pub len: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Tables {
    /// Whether words and ids are known. A split that a memtable became has none: compaction makes them once.
    #[serde(default = "yes")]
    indexed: bool,
    /// Shorter ids are in no filter. Splits of format `logs/1` have all.
    #[serde(default)]
    min_filtered_id: usize,
    /// Empty in splits of format `logs/1`, which have a column of bodies.
    #[serde(default)]
    blocks: Vec<BodyBlock>,
    rows: u64,
    has_metadata: bool,
    streams: Vec<SplitStream>,
    granules: Vec<Granule>,
    pages: Vec<PageSum>,
    words: Vec<BundledFile>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize, Deserialize)]
struct Directory {
    version: u32,
    sections: Vec<Section>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Section {
    name: String,
    offset: u64,
    len: u64,
    crc32: u32,
}

/// Builds an index file while rows are written.
#[derive(Debug)]
pub struct IndexBuilder {
    tables: Tables,
    filters: Vec<u8>,
    /// `None`: granules are told apart by time and stream only.
    words: Option<WordIndexWriter>,
}

impl IndexBuilder {
    /// `indexed`: words and ids are to be known.
    pub fn new(indexed: bool) -> Result<Self, StoreError> {
        let words = if indexed { Some(WordIndexWriter::new()?) } else { None };
        Ok(IndexBuilder { tables: Tables { indexed, ..Tables::default() }, filters: Vec::new(), words })
    }

    /// Whether granules need their terms.
    pub fn wants_terms(&self) -> bool {
        self.words.is_some()
    }

    pub fn add_stream(&mut self, stream: SplitStream) {
        self.tables.streams.push(stream);
    }

    pub fn streams(&self) -> &[SplitStream] {
        &self.tables.streams
    }

    pub fn has_metadata(&mut self) {
        self.tables.has_metadata = true;
    }

    pub fn add_granule(
        &mut self,
        bounds: (Timestamp, Timestamp),
        text_bytes: u64,
        terms: &GranuleTerms,
    ) -> Result<(), StoreError> {
        let before = self.filters.len();
        let ids = terms.ids();
        if !ids.is_empty() {
            let filter = BinaryFuse8::try_from(&ids).map_err(StoreError::internal)?;
            let mut descriptor = vec![0; BinaryFuse8::DESCRIPTOR_LEN];
            filter.dma_copy_descriptor_to(&mut descriptor);
            self.filters.extend_from_slice(&descriptor);
            self.filters.extend_from_slice(filter.dma_fingerprints());
        }
        if let Some(words) = &mut self.words {
            words.add(terms.words())?;
        }
        self.tables.granules.push(Granule {
            min_ts: bounds.0,
            max_ts: bounds.1,
            text_bytes,
            id_lengths: terms.id_lengths(),
            has_long_term: terms.has_long_term(),
            has_too_many_words: terms.has_too_many_words(),
            filter_len: (self.filters.len() - before) as u32,
        });
        Ok(())
    }

    /// The bytes of the index file.
    pub fn finish(mut self, rows: u64, pages: Vec<PageSum>, blocks: Vec<BodyBlock>) -> Result<Vec<u8>, StoreError> {
        self.tables.min_filtered_id = MIN_FILTERED_ID;
        self.tables.blocks = blocks;
        self.tables.rows = rows;
        self.tables.pages = pages;
        let (files, bundle) = self.words.map_or_else(|| Ok(Default::default()), WordIndexWriter::finish)?;
        self.tables.words = files;
        let json = serde_json::to_vec(&self.tables).map_err(StoreError::internal)?;
        let tables = zstd::bulk::compress(&json, 6).map_err(StoreError::internal)?;
        let bundle = zstd::bulk::compress(&bundle, 6).map_err(StoreError::internal)?;
        let mut out = MAGIC.to_vec();
        let mut sections = Vec::new();
        for (name, bytes) in [("tables", &tables), ("filters", &self.filters), ("words", &bundle)] {
            let crc32 = crc32fast::hash(bytes);
            sections.push(Section { name: name.into(), offset: out.len() as u64, len: bytes.len() as u64, crc32 });
            out.extend_from_slice(bytes);
        }
        let directory = serde_json::to_vec(&Directory { version: VERSION, sections }).map_err(StoreError::internal)?;
        out.extend_from_slice(&directory);
        out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&directory).to_le_bytes());
        out.extend_from_slice(MAGIC);
        Ok(out)
    }
}

/// An index file in memory.
#[derive(Debug)]
pub struct SplitIndex {
    pub rows: u64,
    pub has_metadata: bool,
    pub streams: Vec<SplitStream>,
    pub granules: Vec<Granule>,
    pub pages: Vec<PageSum>,
    /// Empty when bodies are a column of the Parquet file.
    pub blocks: Vec<BodyBlock>,
    min_filtered_id: usize,
    filters: Bytes,
    filter_offsets: Vec<usize>,
    /// `None` when words and ids are not known.
    words: Option<WordIndex>,
    bytes: usize,
}

/// Decompressed tables and bundles are small; anything larger than this is damage.
const MAX_SECTION: usize = 1 << 30;

impl SplitIndex {
    /// Checks every checksum. Errors are of kind `Corrupt` and say what is wrong.
    pub fn open(file: &Bytes) -> Result<Self, StoreError> {
        let sections = directory(file)?;
        let tables = decompress(&section(file, &sections, "tables")?)?;
        let tables: Tables =
            serde_json::from_slice(&tables).map_err(|e| StoreError::corrupt(format!("index tables: {e}")))?;
        let filters = section(file, &sections, "filters")?;
        let bundle = decompress(&section(file, &sections, "words")?)?;
        let words = if tables.indexed { Some(WordIndex::open(&tables.words, &bundle)?) } else { None };
        let mut filter_offsets = Vec::with_capacity(tables.granules.len());
        let mut at = 0usize;
        for granule in &tables.granules {
            filter_offsets.push(at);
            at += granule.filter_len as usize;
        }
        if at != filters.len() || tables.granules.len() != (tables.rows as usize).div_ceil(GRANULE_ROWS) {
            return Err(StoreError::corrupt("the index tables contradict each other"));
        }
        let of_words = words.as_ref().map_or(0, WordIndex::memory);
        let bytes = file.len() + bundle.len() + of_words + tables.streams.len() * 256;
        let Tables { rows, has_metadata, streams, granules, pages, blocks, min_filtered_id, .. } = tables;
        if !blocks.is_empty() && blocks.iter().map(|block| u64::from(block.rows)).sum::<u64>() != rows {
            return Err(StoreError::corrupt("the blocks of bodies have another number of rows"));
        }
        Ok(SplitIndex {
            rows,
            has_metadata,
            streams,
            granules,
            pages,
            blocks,
            min_filtered_id,
            filters,
            filter_offsets,
            words,
            bytes,
        })
    }

    /// Memory it takes, about.
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// Rows of a granule.
    pub fn granule_rows(&self, granule: usize) -> Range<usize> {
        granule * GRANULE_ROWS..((granule + 1) * GRANULE_ROWS).min(self.rows as usize)
    }

    /// Which granules can hold a line in `range` that passes all filters. Never says no wrongly.
    pub fn candidates(&self, range: &TimeRange, filters: &[LineFilter]) -> Result<Vec<bool>, StoreError> {
        let mut keep: Vec<bool> = self.granules.iter().map(|g| range.overlaps_closed(g.min_ts, g.max_ts)).collect();
        let Some(words) = &self.words else { return Ok(keep) };
        for texts in filters.iter().filter_map(literal::required) {
            let mut any = vec![false; keep.len()];
            for text in &texts {
                for (slot, hit) in any.iter_mut().zip(self.holding(words, text)?) {
                    *slot |= hit;
                }
            }
            for (slot, hit) in keep.iter_mut().zip(any) {
                *slot &= hit;
            }
        }
        Ok(keep)
    }

    /// Which granules can hold `literal` as a substring.
    fn holding(&self, words: &WordIndex, literal: &[u8]) -> Result<Vec<bool>, StoreError> {
        let mut keep = vec![true; self.granules.len()];
        for term in literal_terms(literal) {
            let mut hits = vec![false; keep.len()];
            if term.bytes.len() <= MAX_TERM {
                self.holding_term(words, &term, &mut hits)?;
            }
            for ((slot, hit), granule) in keep.iter_mut().zip(hits).zip(&self.granules) {
                // A term that the index left out can contain an open term, or be one that is too long itself.
                let unknown =
                    granule.has_long_term && (term.open_left || term.open_right || term.bytes.len() > MAX_TERM);
                *slot &= hit || unknown;
            }
        }
        Ok(keep)
    }

    fn holding_term(&self, words: &WordIndex, term: &Term<'_>, hits: &mut [bool]) -> Result<(), StoreError> {
        if term.kind == Kind::Word {
            let query = WordQuery { text: term.bytes, open_left: term.open_left, open_right: term.open_right };
            words.granules(query, hits)?;
        }
        let longer = longer_bits(term.bytes.len());
        // Ids that an open term may be a part of, and of which only the length is known. Words within mixed ids are in
        // the word index, unless they are very short.
        let (in_hex, in_mixed) = match term.kind {
            Kind::Word => (is_hex_word(term.bytes), term.bytes.len() < MIN_RUN),
            Kind::HexId => (true, true),
            Kind::MixedId => (false, true),
        };
        let open = term.open_left || term.open_right;
        for (at, granule) in self.granules.iter().enumerate() {
            let lengths = granule.id_lengths;
            let left_out = term.kind == Kind::Word && granule.has_too_many_words;
            let part_of_id = open && (in_hex && lengths.hex & longer != 0 || in_mixed && lengths.mixed & longer != 0);
            hits[at] |= left_out || part_of_id || (term.kind != Kind::Word && self.holds_id(at, term));
        }
        Ok(())
    }

    /// Whether the granule can hold the id as a whole term.
    fn holds_id(&self, granule: usize, term: &Term<'_>) -> bool {
        if term.bytes.len() >= self.min_filtered_id {
            return self.filter_holds(granule, term.bytes);
        }
        let lengths = self.granules[granule].id_lengths;
        let lengths = if term.kind == Kind::HexId { lengths.hex } else { lengths.mixed };
        lengths & length_bit(term.bytes.len()) != 0
    }

    fn filter_holds(&self, granule: usize, id: &[u8]) -> bool {
        let len = self.granules[granule].filter_len as usize;
        if len <= BinaryFuse8::DESCRIPTOR_LEN {
            return false;
        }
        let start = self.filter_offsets[granule];
        let (descriptor, fingerprints) = self.filters[start..start + len].split_at(BinaryFuse8::DESCRIPTOR_LEN);
        BinaryFuse8Ref::from_dma(descriptor, fingerprints).contains(&id_key(id))
    }
}

fn directory(file: &Bytes) -> Result<Vec<Section>, StoreError> {
    let cut = || StoreError::corrupt("the index file is cut short or no index file");
    let tail = file.len().checked_sub(16).ok_or_else(cut)?;
    if &file[..8] != MAGIC || &file[tail + 8..] != MAGIC {
        return Err(cut());
    }
    let word = |at: usize| u32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]);
    let start = tail.checked_sub(word(tail) as usize).ok_or_else(cut)?;
    let json = &file[start..tail];
    if crc32fast::hash(json) != word(tail + 4) {
        return Err(StoreError::corrupt("checksum of the index directory does not match"));
    }
    let directory: Directory =
        serde_json::from_slice(json).map_err(|e| StoreError::corrupt(format!("index directory: {e}")))?;
    if directory.version != VERSION {
        let text = format!("index version {} is not known to this Gantry (it knows {VERSION})", directory.version);
        return Err(StoreError::corrupt(text));
    }
    Ok(directory.sections)
}

fn section(file: &Bytes, sections: &[Section], name: &str) -> Result<Bytes, StoreError> {
    let missing = || StoreError::corrupt(format!("index section {name} is missing or lies outside the file"));
    let found = sections.iter().find(|s| s.name == name).ok_or_else(missing)?;
    let end = found.offset.checked_add(found.len).filter(|end| *end <= file.len() as u64).ok_or_else(missing)?;
    let bytes = file.slice(found.offset as usize..end as usize);
    if crc32fast::hash(&bytes) != found.crc32 {
        return Err(StoreError::corrupt(format!("checksum of index section {name} does not match")));
    }
    Ok(bytes)
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let size = zstd::bulk::Decompressor::upper_bound(bytes).unwrap_or(MAX_SECTION).min(MAX_SECTION);
    zstd::bulk::decompress(bytes, size).map_err(|e| StoreError::corrupt(format!("index section: {e}")))
}

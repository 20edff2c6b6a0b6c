//! The word index of a split: a Tantivy index with one document per granule.
//!
//! Document `i` holds the words (terms without digits) of granule `i`. There are few distinct words, so an infix search
//! walks the whole dictionary. The index is written to memory and kept in the split's index file as a bundle of files.

use gantry_store_api::StoreError;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tantivy::directory::{Directory, RamDirectory};
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{DocSet, Index, SegmentReader, TERMINATED, TantivyDocument};

/// Arena of the writer; Tantivy takes no less.
const WRITER_BYTES: usize = 15_000_000;

fn schema() -> (Schema, Field) {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let mut schema = Schema::builder();
    let word = schema.add_text_field("word", TextOptions::default().set_indexing_options(indexing));
    (schema.build(), word)
}

/// Writes the index; documents are added in order of granules.
pub struct WordIndexWriter {
    writer: SingleSegmentIndexWriter,
    directory: RamDirectory,
    word: Field,
}

impl std::fmt::Debug for WordIndexWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WordIndexWriter").finish_non_exhaustive()
    }
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    pub name: String,
    pub len: u64,
}

impl WordIndexWriter {
    pub fn new() -> Result<Self, StoreError> {
        let (schema, word) = schema();
        let directory = RamDirectory::create();
        let writer = Index::builder()
            .schema(schema)
            .single_segment_index_writer(directory.clone(), WRITER_BYTES)
            .map_err(StoreError::internal)?;
        Ok(WordIndexWriter { writer, directory, word })
    }

    /// Adds the next granule's document.
    pub fn add<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), StoreError> {
        let mut document = TantivyDocument::default();
        for word in words {
            document.add_text(self.word, word);
        }
        self.writer.add_document(document).map_err(StoreError::internal)
    }

    /// The files of the index and their concatenated bytes.
    pub fn finish(self) -> Result<(Vec<BundledFile>, Vec<u8>), StoreError> {
        let index = self.writer.finalize().map_err(StoreError::internal)?;
        let mut names: Vec<PathBuf> = index.directory().list_managed_files().into_iter().collect();
        names.sort();
        let meta = PathBuf::from("meta.json");
        if !names.contains(&meta) {
            names.push(meta);
        }
        let (mut files, mut bytes) = (Vec::new(), Vec::new());
        for path in names {
            if !self.directory.exists(&path).map_err(StoreError::internal)? {
                continue;
            }
            let slice = self.directory.open_read(&path).map_err(StoreError::internal)?;
            let content = slice.read_bytes().map_err(StoreError::internal)?;
            files.push(BundledFile { name: path.to_string_lossy().into_owned(), len: content.len() as u64 });
            bytes.extend_from_slice(&content);
        }
        Ok((files, bytes))
    }
}

/// An opened word index.
pub struct WordIndex {
    segment: SegmentReader,
    word: Field,
    /// All words, each between two [`EDGE`]s: a search for a part of a word runs over them as over one text.
    words: Vec<u8>,
}

/// No byte of a word.
const EDGE: u8 = 0;
/// A shorter part of a word is in so many that the dictionary is walked instead.
const MIN_PART: usize = 3;

impl std::fmt::Debug for WordIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WordIndex").field("granules", &self.segment.max_doc()).finish()
    }
}

/// How a term of a literal relates to the words it may be part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordQuery<'a> {
    pub text: &'a [u8],
    pub open_left: bool,
    pub open_right: bool,
}

impl WordIndex {
    pub fn open(files: &[BundledFile], bytes: &[u8]) -> Result<Self, StoreError> {
        let directory = RamDirectory::create();
        let mut at = 0usize;
        for file in files {
            let end = at.saturating_add(file.len as usize);
            let content = bytes.get(at..end).ok_or_else(|| StoreError::corrupt("the word index is cut short"))?;
            directory.atomic_write(Path::new(&file.name), content).map_err(corrupt)?;
            at = end;
        }
        let index = Index::open(directory).map_err(corrupt)?;
        let segments = index.searchable_segments().map_err(corrupt)?;
        let [segment] = segments.as_slice() else {
            return Err(StoreError::corrupt("the word index has not exactly one segment"));
        };
        let word = index.schema().get_field("word").map_err(corrupt)?;
        let segment = SegmentReader::open(segment).map_err(corrupt)?;
        let mut words = vec![EDGE];
        let inverted = segment.inverted_index(word).map_err(corrupt)?;
        let mut terms = inverted.terms().stream().map_err(corrupt)?;
        while terms.advance() {
            words.extend_from_slice(terms.key());
            words.push(EDGE);
        }
        words.shrink_to_fit();
        Ok(WordIndex { segment, word, words })
    }

    /// Bytes of memory beside those of the bundle.
    pub fn memory(&self) -> usize {
        self.words.len()
    }

    /// Sets `out[granule]` for every granule with a word that fits.
    pub fn granules(&self, query: WordQuery<'_>, out: &mut [bool]) -> Result<(), StoreError> {
        let index = self.segment.inverted_index(self.word).map_err(corrupt)?;
        let mark = |info: &tantivy::postings::TermInfo, out: &mut [bool]| -> Result<(), StoreError> {
            let mut postings = index.read_postings_from_terminfo(info, IndexRecordOption::Basic).map_err(corrupt)?;
            let _ = postings.term_freq();
            while postings.doc() != TERMINATED {
                if let Some(slot) = out.get_mut(postings.doc() as usize) {
                    *slot = true;
                }
                postings.advance();
            }
            Ok(())
        };
        if !query.open_left && !query.open_right {
            return match index.terms().get(query.text).map_err(corrupt)? {
                Some(info) => mark(&info, out),
                None => Ok(()),
            };
        }
        if query.text.len() >= MIN_PART {
            return self.fitting(query).try_for_each(|word| match index.terms().get(word).map_err(corrupt)? {
                Some(info) => mark(&info, out),
                None => Ok(()),
            });
        }
        let mut terms = index.terms().stream().map_err(corrupt)?;
        while terms.advance() {
            if query.fits(terms.key()) {
                mark(terms.value(), out)?;
            }
        }
        Ok(())
    }

    /// The words that fit.
    fn fitting(&self, query: WordQuery<'_>) -> impl Iterator<Item = &[u8]> {
        let edge = |open: bool| if open { &[][..] } else { &[EDGE][..] };
        let finder =
            memmem::Finder::new(&[edge(query.open_left), query.text, edge(query.open_right)].concat()).into_owned();
        let mut from = 0;
        std::iter::from_fn(move || {
            let inside = from + finder.find(&self.words[from..])? + usize::from(!query.open_left);
            let start = memchr::memrchr(EDGE, &self.words[..inside]).map_or(0, |edge| edge + 1);
            let end = memchr::memchr(EDGE, &self.words[inside..]).map_or(self.words.len(), |edge| inside + edge);
            // The edge between two words belongs to both.
            from = end;
            Some(&self.words[start..end])
        })
    }
}

impl WordQuery<'_> {
    fn fits(&self, word: &[u8]) -> bool {
        match (self.open_left, self.open_right) {
            (true, true) => memmem::find(word, self.text).is_some(),
            (true, false) => word.ends_with(self.text),
            (false, true) => word.starts_with(self.text),
            (false, false) => word == self.text,
        }
    }
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt(format!("word index: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, open_left: bool, open_right: bool) -> Vec<usize> {
        let mut writer = WordIndexWriter::new().unwrap();
        for words in [vec!["error", "timeout"], vec!["errors"], vec!["terror"], vec![]] {
            writer.add(words.into_iter()).unwrap();
        }
        let (files, bytes) = writer.finish().unwrap();
        let index = WordIndex::open(&files, &bytes).unwrap();
        let mut out = vec![false; 4];
        index.granules(WordQuery { text: text.as_bytes(), open_left, open_right }, &mut out).unwrap();
        out.iter().enumerate().filter(|(_, hit)| **hit).map(|(at, _)| at).collect()
    }

    #[test]
    fn open_edges_find_longer_words() {
        assert_eq!(found("error", false, false), [0]);
        assert_eq!(found("error", false, true), [0, 1]);
        assert_eq!(found("error", true, false), [0, 2]);
        assert_eq!(found("rror", true, true), [0, 1, 2]);
        assert_eq!(found("timeout", true, true), [0]);
        assert_eq!(found("out", true, false), [0]);
        assert_eq!(found("out", false, true), [] as [usize; 0]);
        assert_eq!(found("nothing", true, true), [] as [usize; 0]);
    }

    #[test]
    fn short_parts_are_found_as_well() {
        assert_eq!(found("r", true, true), [0, 1, 2]);
        assert_eq!(found("t", false, true), [0, 2]);
        assert_eq!(found("rs", true, false), [1]);
    }
}

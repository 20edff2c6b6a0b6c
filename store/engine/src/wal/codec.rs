//! The inside of a record: a tenant and a batch of lines in columns, as they are or compressed. Bytes:
//! `docs/format/wal.md`.

use super::record::Record;
use super::varint::{self, Reader};
use crate::WalCompression;
use gantry_model::{BatchStream, LabelSet, LogBatch, LogRow, TenantId, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use std::sync::Arc;
use zstd::bulk::{Compressor, Decompressor};

/// First byte of a payload.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Payloads below this size are stored as they are.
const COMPRESS_FROM: usize = 512;
/// Most bytes that a payload may have before compression; a reader refuses to allocate more.
pub(crate) const MAX_RAW: usize = 512 << 20;
/// Fast, and about three times smaller than the text.
const LEVEL: i32 = 1;

/// Encodes batches; keeps compressors for the next one.
pub(crate) struct Encoder {
    compression: WalCompression,
    idle: Mutex<Vec<Compressor<'static>>>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("compression", &self.compression).finish_non_exhaustive()
    }
}

/// Compressors kept while nobody uses them.
const IDLE_COMPRESSORS: usize = 8;

impl Encoder {
    pub(crate) fn new(compression: WalCompression) -> Self {
        Encoder { compression, idle: Mutex::default() }
    }

    /// The record for `batch`. Without compression its text is not copied: the record shares the batch.
    pub(crate) fn encode(&self, tenant: &TenantId, batch: &Arc<LogBatch>) -> Result<Record, StoreError> {
        let mut head = Record::head(batch.line_count() * 8 + batch.streams().len() * 128);
        if self.compression == WalCompression::None || batch.text_bytes() < COMPRESS_FROM {
            head.push(PLAIN);
            put_columns(tenant, batch, &mut head);
            if is_in_order(batch) {
                return Record::sealed(head, Some(batch.clone()));
            }
            put_text(batch, &mut head);
        } else {
            let mut raw = Vec::with_capacity(batch.text_bytes() + head.capacity());
            put_columns(tenant, batch, &mut raw);
            put_text(batch, &mut raw);
            head.push(ZSTD);
            varint::put(&mut head, raw.len() as u64);
            self.compress(&raw, &mut head)?;
        }
        Record::sealed(head, None)
    }

    fn compress(&self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        let start = out.len();
        out.resize(start + zstd::zstd_safe::compress_bound(raw.len()), 0);
        let idle = self.idle.lock().pop();
        let mut compressor = match idle {
            Some(compressor) => compressor,
            None => Compressor::new(LEVEL).map_err(StoreError::internal)?,
        };
        let written = compressor.compress_to_buffer(raw, &mut out[start..]).map_err(StoreError::internal)?;
        out.truncate(start + written);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_COMPRESSORS {
            idle.push(compressor);
        }
        Ok(())
    }
}

fn rows(batch: &LogBatch) -> impl Iterator<Item = &LogRow> {
    batch.streams().iter().flat_map(|stream| batch.rows_of(stream))
}

/// Whether the batch's text is, byte for byte, that of its rows one after the other.
fn is_in_order(batch: &LogBatch) -> bool {
    let mut at = 0;
    for row in rows(batch) {
        if row.start as usize != at {
            return false;
        }
        at += row.body_len as usize + row.metadata_len as usize;
    }
    at == batch.text_bytes()
}

/// tenant, streams with their labels and row counts, then timestamps and lengths of all rows.
fn put_columns(tenant: &TenantId, batch: &LogBatch, out: &mut Vec<u8>) {
    varint::put_text(out, tenant.as_str());
    varint::put(out, batch.streams().len() as u64);
    for stream in batch.streams() {
        varint::put(out, stream.labels.len() as u64);
        for (name, value) in stream.labels.iter() {
            varint::put_text(out, name);
            varint::put_text(out, value);
        }
        varint::put(out, stream.rows.len() as u64);
    }
    let mut last = 0i64;
    for row in rows(batch) {
        varint::put_signed(out, row.timestamp.0.wrapping_sub(last));
        last = row.timestamp.0;
    }
    for row in rows(batch) {
        varint::put(out, u64::from(row.body_len));
    }
    for row in rows(batch) {
        varint::put(out, u64::from(row.metadata_len));
    }
}

/// The text of all rows.
fn put_text(batch: &LogBatch, out: &mut Vec<u8>) {
    let text = batch.text().as_bytes();
    for row in rows(batch) {
        let len = row.body_len as usize + row.metadata_len as usize;
        out.extend_from_slice(&text[row.start as usize..row.start as usize + len]);
    }
}

/// Decodes payloads one after the other.
#[derive(Default)]
pub(crate) struct Decoder {
    decompressor: Option<Decompressor<'static>>,
    raw: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// The batch, or what is wrong with the bytes.
    pub(crate) fn decode(&mut self, payload: &[u8]) -> Result<(TenantId, LogBatch), String> {
        match payload.split_first() {
            Some((&PLAIN, raw)) => parse(raw),
            Some((&ZSTD, rest)) => {
                self.decompress(rest)?;
                parse(&self.raw)
            }
            Some((other, _)) => Err(format!("unknown payload encoding {other}")),
            None => Err("empty payload".into()),
        }
    }

    fn decompress(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut reader = Reader(bytes);
        let len = reader.number().filter(|len| *len <= MAX_RAW as u64).ok_or("impossible payload size")? as usize;
        if self.decompressor.is_none() {
            self.decompressor = Some(Decompressor::new().map_err(|e| e.to_string())?);
        }
        let decompressor = self.decompressor.as_mut().ok_or("no decompressor")?;
        self.raw.clear();
        self.raw.resize(len, 0);
        let written = decompressor.decompress_to_buffer(reader.0, &mut self.raw).map_err(|e| e.to_string())?;
        if written == len { Ok(()) } else { Err(format!("payload has {written} bytes, expected {len}")) }
    }
}

fn parse(raw: &[u8]) -> Result<(TenantId, LogBatch), String> {
    let mut reader = Reader(raw);
    let tenant = reader.text().ok_or("no tenant")?;
    let tenant = TenantId::new(tenant).map_err(|e| e.to_string())?;
    let batch = parse_batch(&mut reader).ok_or("columns do not fit together")?;
    Ok((tenant, batch))
}

fn parse_batch(reader: &mut Reader<'_>) -> Option<LogBatch> {
    let stream_count = reader.count()?;
    let mut streams = Vec::with_capacity(stream_count);
    let mut row_count = 0u32;
    for _ in 0..stream_count {
        let stream = parse_stream(reader, row_count)?;
        row_count = stream.rows.end;
        streams.push(stream);
    }
    let rows = parse_rows(reader, row_count as usize)?;
    let text = std::str::from_utf8(reader.0).ok()?;
    let text_len: u64 = rows.iter().map(|row| u64::from(row.body_len) + u64::from(row.metadata_len)).sum();
    if text_len != text.len() as u64 {
        return None;
    }
    LogBatch::from_parts(text.to_owned(), rows, streams)
}

fn parse_stream(reader: &mut Reader<'_>, first_row: u32) -> Option<BatchStream> {
    let label_count = reader.count()?;
    let mut labels = Vec::with_capacity(label_count);
    for _ in 0..label_count {
        labels.push((reader.text()?, reader.text()?));
    }
    let rows = u32::try_from(reader.count()?).ok()?;
    Some(BatchStream { labels: LabelSet::from_pairs(labels), rows: first_row..first_row.checked_add(rows)? })
}

fn parse_rows(reader: &mut Reader<'_>, count: usize) -> Option<Vec<LogRow>> {
    if count > reader.0.len() {
        return None;
    }
    let mut rows = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.wrapping_add(reader.signed()?);
        rows.push(LogRow { timestamp: Timestamp(last), start: 0, body_len: 0, metadata_len: 0 });
    }
    for row in &mut rows {
        row.body_len = reader.small()?;
    }
    let mut start = 0u32;
    for row in &mut rows {
        row.metadata_len = reader.small()?;
        row.start = start;
        start = start.checked_add(row.body_len)?.checked_add(row.metadata_len)?;
    }
    Some(rows)
}

//! [`Rows`]: frames of some series of a block, as they were read.

use super::writer::checksum;
use arrow::array::{Array, AsArray, BinaryViewArray, MapArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMillisecondType, UInt32Type};
use gantry_store_api::StoreError;

/// Columns of frames, checked.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    numbers: BinaryViewArray,
    histograms: BinaryViewArray,
}

impl Rows {
    /// Takes the columns of frames from a batch.
    ///
    /// # Errors
    /// `Corrupt` when a column is missing or the bytes of a row are not what was written.
    pub(crate) fn new(batch: &RecordBatch) -> Result<Self, StoreError> {
        let column = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_binary_view_opt()).cloned();
            column.ok_or_else(|| StoreError::corrupt(format!("no column {name}")))
        };
        let rows = Rows { numbers: column("numbers")?, histograms: column("histograms")? };
        let sums = batch.column_by_name("crc32").and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let sums = sums.ok_or_else(|| StoreError::corrupt("no column crc32"))?;
        for (row, sum) in sums.values().iter().enumerate() {
            if checksum(rows.numbers(row), rows.histograms(row)) != *sum {
                return Err(StoreError::corrupt("the checksum of a series does not match"));
            }
        }
        Ok(rows)
    }

    /// Without the rest of the pages that they were read from.
    pub(crate) fn alone(&self) -> Self {
        Rows { numbers: self.numbers.gc(), histograms: self.histograms.gc() }
    }

    /// Bytes.
    pub(crate) fn memory(&self) -> usize {
        self.numbers.get_array_memory_size() + self.histograms.get_array_memory_size()
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn numbers(&self, row: usize) -> &[u8] {
        if self.numbers.is_null(row) { &[] } else { self.numbers.value(row) }
    }

    pub(crate) fn histograms(&self, row: usize) -> &[u8] {
        if self.histograms.is_null(row) { &[] } else { self.histograms.value(row) }
    }
}

/// Encoded labels of a series, and the times of its first and last sample.
pub(super) type SeriesHead = (Vec<u8>, (i64, i64));

/// Encoded labels and times of every series of a batch.
pub(super) fn heads(batch: &RecordBatch) -> Result<Vec<SeriesHead>, StoreError> {
    let wrong = |name: &str| StoreError::corrupt(format!("no column {name}"));
    let labels =
        batch.column_by_name("labels").and_then(|column| column.as_map_opt()).ok_or_else(|| wrong("labels"))?;
    let time = |name: &str| {
        let column =
            batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
        column.ok_or_else(|| wrong(name))
    };
    let (first, last) = (time("first")?, time("last")?);
    let encoded = encode_labels(labels)?;
    Ok(encoded.into_iter().zip(first.values().iter().copied().zip(last.values().iter().copied())).collect())
}

/// The encoded labels of every row of a column of label sets.
pub(crate) fn encode_labels(maps: &MapArray) -> Result<Vec<Vec<u8>>, StoreError> {
    let texts = |array: &dyn Array| array.as_string_opt::<i32>().cloned();
    let (Some(names), Some(values)) = (texts(maps.keys()), texts(maps.values())) else {
        return Err(StoreError::corrupt("labels are no texts"));
    };
    let encode = |range: &[i32]| {
        let mut bytes = Vec::with_capacity(256);
        for at in range[0] as usize..range[1] as usize {
            for text in [names.value(at), values.value(at)] {
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0xff);
            }
        }
        bytes
    };
    Ok(maps.value_offsets().windows(2).map(encode).collect())
}

/// Numbers of samples of every series of a batch.
pub(super) fn counts(batch: &RecordBatch) -> Result<Vec<u64>, StoreError> {
    let column = batch.column_by_name("samples").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let column = column.ok_or_else(|| StoreError::corrupt("no column samples"))?;
    Ok(column.values().iter().map(|count| *count as u64).collect())
}

//! [`Samples`]: a selection of series as batches of rows, in as many parts as are read at the same time.

use super::columns::json;
use crate::QueryError;
use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, RecordBatchOptions, StringArray, StringViewArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{Int32Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::TryStreamExt;
use gantry_model::metric::{self, is_stale};
use gantry_store_api::{MetricQuerier, SelectSeries, SeriesSet};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// About as many rows as a batch has; a batch ends with a series or in the middle of one.
const ROWS: usize = 8192;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Timestamp,
    /// The number, NULL for a histogram.
    Value,
    /// Of a histogram, NULL for a number.
    Count,
    Sum,
    /// All labels as one JSON object.
    Labels,
    /// One label, NULL where the series does not have it.
    Label(String),
}

/// What all parts share: series are found once.
pub struct Samples {
    querier: Arc<dyn MetricQuerier>,
    request: SelectSeries,
    outputs: Vec<Output>,
    schema: SchemaRef,
    found: OnceCell<Arc<dyn SeriesSet>>,
}

/// Every `of`th series, from the series `at` on.
#[derive(Debug)]
pub struct Part {
    pub samples: Arc<Samples>,
    pub at: usize,
    pub of: usize,
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Row {
    at_ms: i64,
    value: Option<f64>,
    count: Option<f64>,
    sum: Option<f64>,
}

/// Where a part has come to.
struct Reader {
    samples: Arc<Samples>,
    set: Arc<dyn SeriesSet>,
    next: usize,
    of: usize,
    buffer: metric::Samples,
    /// Rows of the series that was read last which are not in a batch yet, newest first.
    rest: Vec<Row>,
}

impl Samples {
    pub fn new(
        querier: Arc<dyn MetricQuerier>,
        request: SelectSeries,
        outputs: Vec<Output>,
        schema: SchemaRef,
    ) -> Self {
        Samples { querier, request, outputs, schema, found: OnceCell::new() }
    }

    async fn set(&self) -> Result<Arc<dyn SeriesSet>, QueryError> {
        let found = self.found.get_or_try_init(|| self.querier.select(&self.request)).await?;
        Ok(found.clone())
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.samples.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (samples, at, of) = (self.samples.clone(), self.at, self.of);
        let schema = samples.schema.clone();
        let batches = async move {
            let set = samples.set().await?;
            let reader = Reader { samples, set, next: at, of, buffer: Default::default(), rest: Vec::new() };
            let next = |mut reader: Reader| async move { Ok(reader.batch()?.map(|batch| (batch, reader))) };
            Ok::<_, DataFusionError>(futures::stream::try_unfold(reader, next))
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(batches).try_flatten()))
    }
}

impl Reader {
    /// The next rows; `None` at the end.
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let (mut rows, mut runs) = (Vec::with_capacity(ROWS), Vec::new());
        while rows.len() < ROWS {
            if self.rest.is_empty() {
                if self.next >= self.set.labels().len() {
                    break;
                }
                self.read()?;
                self.next += self.of;
                continue;
            }
            let taken = self.rest.len().min(ROWS - rows.len());
            let keep = self.rest.len() - taken;
            rows.extend(self.rest.drain(keep..).rev());
            // The series that was read last.
            runs.push((self.next - self.of, taken));
        }
        if rows.is_empty() { Ok(None) } else { self.columns(&rows, &runs).map(Some) }
    }

    /// The rows of the next series: without the marks of its ends, which are no values.
    fn read(&mut self) -> Result<(), QueryError> {
        self.set.read(self.next, &mut self.buffer)?;
        let range = self.samples.request.range;
        let numbers = self.buffer.timestamps.iter().zip(&self.buffer.values).filter(|(_, value)| !is_stale(**value));
        let numbers = numbers.map(|(at, value)| Row { at_ms: *at, value: Some(*value), count: None, sum: None });
        let histograms = self.buffer.histograms.iter();
        let histograms =
            histograms.map(|(at, h)| Row { at_ms: *at, value: None, count: Some(h.count), sum: Some(h.sum) });
        self.rest.extend(numbers.chain(histograms).filter(|row| range.contains(row.at_ms)));
        self.rest.sort_by_key(|row| std::cmp::Reverse(row.at_ms));
        Ok(())
    }

    fn columns(&self, rows: &[Row], runs: &[(usize, usize)]) -> Result<RecordBatch> {
        let floats = |of: fn(&Row) -> Option<f64>| Arc::new(rows.iter().map(of).collect::<Float64Array>()) as ArrayRef;
        let column = |output: &Output| -> Result<ArrayRef> {
            Ok(match output {
                Output::Timestamp => {
                    let nanos = rows.iter().map(|row| row.at_ms.saturating_mul(1_000_000));
                    Arc::new(TimestampNanosecondArray::from_iter_values(nanos).with_timezone("+00:00"))
                }
                Output::Value => floats(|row| row.value),
                Output::Count => floats(|row| row.count),
                Output::Sum => floats(|row| row.sum),
                Output::Labels => {
                    let texts: Vec<(String, usize)> =
                        runs.iter().map(|(series, rows)| (json(&self.set.labels()[*series]), *rows)).collect();
                    let texts = texts.iter().flat_map(|(text, rows)| std::iter::repeat_n(text.as_str(), *rows));
                    Arc::new(StringViewArray::from_iter_values(texts))
                }
                Output::Label(name) => Arc::new(self.label(name, runs)?),
            })
        };
        let columns = self.samples.outputs.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(self.samples.schema.clone(), columns, &options)?)
    }

    fn label(&self, name: &str, runs: &[(usize, usize)]) -> Result<DictionaryArray<Int32Type>> {
        let (mut seen, mut values) = (HashMap::new(), Vec::new());
        let mut keys = Vec::new();
        for (series, rows) in runs {
            let key = self.set.labels()[*series].get(name).map(|value| {
                *seen.entry(value).or_insert_with(|| {
                    values.push(value);
                    values.len() as i32 - 1
                })
            });
            keys.extend(std::iter::repeat_n(key, *rows));
        }
        Ok(DictionaryArray::try_new(Int32Array::from(keys), Arc::new(StringArray::from(values)))?)
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples")
            .field("request", &self.request)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

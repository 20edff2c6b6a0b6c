//! The exemplars of one tenant and shard in a Parquet file, which is replaced with every flush. Bytes:
//! `docs/format/metrics.md`.

use super::block::{encode_labels, labels_builder, labels_type};
use super::exemplars::{Exemplars, Kept};
use super::labels;
use super::shard::Shard;
use super::store::MetricStore;
use crate::error::object_error;
use crate::objects::Objects;
use crate::split::{ObjectInfo, SplitId};
use arrow::array::{ArrayRef, AsArray, Float64Builder, RecordBatch, TimestampMillisecondBuilder};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use bytes::Bytes;
use gantry_model::TenantId;
use gantry_model::metric::Exemplar;
use gantry_store_api::StoreError;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the catalog knows of a file of exemplars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExemplarMeta {
    pub id: SplitId,
    pub tenant: TenantId,
    pub shard: u32,
    pub exemplars: u64,
    pub parquet: ObjectInfo,
}

impl ExemplarMeta {
    pub(crate) fn path(&self) -> Path {
        Path::from(format!("{}/metrics/m{:03}/{}.exemplars.parquet", self.tenant, self.shard, self.id))
    }
}

/// What a flush changes.
#[derive(Debug, Default)]
pub(crate) struct ExemplarFiles {
    pub new: Vec<ExemplarMeta>,
    /// Tenants whose exemplars are all past their retention.
    pub gone: Vec<TenantId>,
    /// How many had come for each when they were written.
    came: Vec<(TenantId, u64)>,
}

impl MetricStore {
    /// Writes the exemplars of the tenants for which new ones came. The log may go when the catalog knows the files.
    pub(crate) async fn write_exemplars(&self, shard: &Shard) -> Result<ExemplarFiles, StoreError> {
        let mut files = ExemplarFiles::default();
        for tenant in shard.exemplars.changed() {
            let earliest = self.earliest(&tenant, i64::MAX);
            let (kept, came) = shard.exemplars.all(&tenant, earliest);
            files.came.push((tenant.clone(), came));
            if kept.is_empty() {
                files.gone.push(tenant);
                continue;
            }
            let bytes = encode(&kept, self.shared.options.metrics.zstd_level)?;
            let id = self.shared.new_id();
            let parquet = ObjectInfo { len: 0, crc32: 0 };
            let mut meta = ExemplarMeta { id, tenant, shard: shard.number, exemplars: kept.len() as u64, parquet };
            meta.parquet = self.shared.objects.put(&meta.path(), bytes).await?;
            files.new.push(meta);
        }
        Ok(files)
    }

    /// The catalog knows the files: those before them go.
    pub(crate) async fn swap_exemplars(&self, shard: &Shard, files: ExemplarFiles) {
        let mut old = Vec::new();
        for (tenant, came) in &files.came {
            shard.exemplars.written(tenant, *came);
            old.extend(self.exemplar_files.lock().remove(&(shard.number, tenant.clone())));
        }
        let new = files.new.into_iter().map(|meta| ((shard.number, meta.tenant.clone()), meta));
        self.exemplar_files.lock().extend(new);
        for meta in old {
            // It is read at a start only. What stays is found by its age.
            if let Err(error) = self.shared.objects.delete(&meta.path()).await {
                tracing::warn!(%error, "a file of exemplars that is no longer needed stays");
            }
        }
    }
}

/// Reads a file back. One that is damaged or missing is told and left out.
pub(crate) async fn load(objects: &Objects, meta: &ExemplarMeta, into: &Exemplars) {
    match read(objects, meta).await {
        Ok(all) => {
            for (series, exemplar) in all {
                // They were in order when they were written.
                let _ = into.push(&meta.tenant, &series, exemplar);
            }
            let (_, came) = into.all(&meta.tenant, i64::MAX);
            into.written(&meta.tenant, came);
        }
        Err(error) => {
            tracing::error!(path = %meta.path(), %error, "a file of exemplars cannot be read and is left out")
        }
    }
}

/// Everything in a file, the oldest first.
pub(crate) async fn read(objects: &Objects, meta: &ExemplarMeta) -> Result<Vec<Kept>, StoreError> {
    let path = meta.path();
    let failed = |error: object_store::Error| object_error(&error, format!("cannot read {path}"));
    let bytes = objects.store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    if crc32fast::hash(&bytes) != meta.parquet.crc32 {
        return Err(StoreError::corrupt(format!("{path}: the checksum does not match")));
    }
    decode(bytes)
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("series", labels_type(), false),
        Field::new("time", time, false),
        Field::new("value", DataType::Float64, false),
        Field::new("labels", labels_type(), false),
    ]))
}

fn encode(all: &[Kept], zstd_level: i32) -> Result<Bytes, StoreError> {
    let (mut series, mut own) = (labels_builder(), labels_builder());
    let (mut times, mut values) = (TimestampMillisecondBuilder::new().with_timezone("UTC"), Float64Builder::new());
    for (labels, exemplar) in all {
        let pairs = |into: &mut super::block::LabelsBuilder, pairs: &mut dyn Iterator<Item = (&str, &str)>| {
            for (name, value) in pairs {
                into.keys().append_value(name);
                into.values().append_value(value);
            }
            into.append(true).map_err(StoreError::internal)
        };
        pairs(&mut series, &mut labels::pairs(labels))?;
        times.append_value(exemplar.timestamp);
        values.append_value(exemplar.value);
        pairs(&mut own, &mut exemplar.labels.iter())?;
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(series.finish()), Arc::new(times.finish()), Arc::new(values.finish()), Arc::new(own.finish())];
    let batch = RecordBatch::try_new(schema(), columns).map_err(StoreError::internal)?;
    let zstd = ZstdLevel::try_new(zstd_level).map(Compression::ZSTD).map_err(StoreError::internal)?;
    let about = KeyValue::new("gantry.format".to_owned(), "exemplars/1".to_owned());
    let properties =
        WriterProperties::builder().set_compression(zstd).set_key_value_metadata(Some(vec![about])).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties)).map_err(StoreError::internal)?;
    writer.write(&batch).map_err(StoreError::internal)?;
    writer.into_inner().map(Bytes::from).map_err(StoreError::internal)
}

fn decode(bytes: Bytes) -> Result<Vec<Kept>, StoreError> {
    let wrong = |what: &dyn std::fmt::Display| StoreError::corrupt(format!("exemplars: {what}"));
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| wrong(&e))?.build().map_err(|e| wrong(&e))?;
    let mut all = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| wrong(&e))?;
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(&format!("no column {name}")));
        let labels = |name: &str| {
            let map = column(name)?.as_map_opt().ok_or_else(|| wrong(&format!("{name} is no map")))?;
            encode_labels(map)
        };
        let times = column("time")?.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(|| wrong(&"no times"))?;
        let values = column("value")?.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong(&"no values"))?;
        let rows = labels("series")?.into_iter().zip(labels("labels")?).enumerate();
        all.extend(rows.map(|(row, (series, own))| {
            let exemplar =
                Exemplar { labels: labels::to_set(&own), value: values.value(row), timestamp: times.value(row) };
            (Arc::from(series), exemplar)
        }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::LabelSet;

    #[test]
    fn exemplars_come_back_as_they_were() {
        let series = |n: u32| -> Arc<[u8]> {
            let mut bytes = Vec::new();
            LabelSet::from_pairs([("__name__", "x".to_owned()), ("n", n.to_string())]).encode(&mut bytes);
            bytes.into()
        };
        let exemplar = |at: i64| Exemplar {
            labels: LabelSet::from_pairs((0..at % 3).map(|n| (format!("l{n}"), "ä".to_owned()))),
            value: if at % 2 == 0 { f64::INFINITY } else { -0.5 },
            timestamp: at,
        };
        let all: Vec<Kept> = (0..5000).map(|n| (series(n % 700), exemplar(i64::from(n) - 9))).collect();
        assert_eq!(decode(encode(&all, 3).unwrap()).unwrap(), all);
        assert!(decode(Bytes::from_static(b"PAR1 and more that is no file PAR1")).is_err());
    }
}

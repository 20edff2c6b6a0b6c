//! Verifies a data directory at rest and says in words what is wrong with it.

use crate::StoreOptions;
use crate::cache::Cache;
use crate::catalog::{Catalog, Contents};
use crate::error::{io_context, join_error, meta_error, object_error};
use crate::lock::DirectoryLock;
use crate::metric::{BlockMeta, ExemplarMeta, count_block, count_samples, read_exemplars};
use crate::objects::Objects;
use crate::split::{ObjectInfo, Split, SplitMeta};
use crate::wal::WalPosition;
use crate::wal::codec::Decoder;
use crate::wal::reader::{Item, SegmentBytes};
use crate::wal::segment::{self, HEADER, file_name};
use futures::TryStreamExt;
use gantry_chunk::Scratch;
use gantry_meta::RedbMeta;
use gantry_store_api::{ErrorKind, StoreError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// What was looked at and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    pub wal_segments: u64,
    pub wal_records: u64,
    pub wal_lines: u64,
    pub splits: u64,
    pub split_rows: u64,
    /// Samples in the logs of metrics, repeated ones included.
    pub wal_samples: u64,
    pub blocks: u64,
    pub block_samples: u64,
    pub objects_bytes: u64,
    pub problems: Vec<Problem>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// File or object.
    pub place: String,
    pub what: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Harmless: the store cleans it up by itself.
    Notice,
    /// Acknowledged lines cannot be read.
    Damage,
}

impl CheckReport {
    /// Whether nothing is lost.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Notice)
    }

    fn add(&mut self, severity: Severity, place: impl ToString, what: impl ToString) {
        self.problems.push(Problem { severity, place: place.to_string(), what: what.to_string() });
    }

    fn damage(&mut self, place: impl ToString, what: impl ToString) {
        self.add(Severity::Damage, place, what);
    }
}

/// Reads everything in the data directory: WAL records, the catalog, each split's files, sizes, checksums and rows.
/// Repairs nothing. The directory must not be in use.
pub async fn check(options: &StoreOptions) -> Result<CheckReport, StoreError> {
    let data = &options.data;
    let meta_file = data.join("meta.redb");
    if !meta_file.is_file() {
        let message = format!("{} is no data directory: it has no meta.redb", data.display());
        return Err(StoreError::new(ErrorKind::Invalid, message));
    }
    let _lock = DirectoryLock::acquire(data)?;
    let mut report = CheckReport::default();
    let opened = tokio::task::spawn_blocking(move || RedbMeta::open(meta_file)).await.map_err(join_error)?;
    let loaded = match opened {
        Ok(meta) => Catalog::new(Arc::new(meta)).load().await,
        Err(error) => Err(meta_error(error)),
    };
    let contents = match loaded {
        Ok(contents) => contents,
        Err(error) => {
            report.damage("meta.redb", error);
            return Ok(report);
        }
    };
    check_wal(options, &contents, &mut report)?;
    let objects = Objects::open(options)?;
    for meta in &contents.blocks {
        check_block(&objects, meta, &mut report).await;
    }
    for meta in &contents.exemplars {
        report.objects_bytes += meta.parquet.len;
        if let Err(error) = read_exemplars(&objects, meta).await {
            report.damage(meta.path(), error);
        }
    }
    let exemplars = contents.exemplars.iter().map(ExemplarMeta::path);
    let blocks = contents.blocks.iter().map(BlockMeta::path).chain(exemplars).collect();
    check_splits(&objects, contents.splits, blocks, &mut report).await?;
    Ok(report)
}

fn check_wal(options: &StoreOptions, contents: &Contents, report: &mut CheckReport) -> Result<(), StoreError> {
    let lines = (0..contents.partitions).map(|number| (format!("p{number:03}"), contents.flushed.get(&number)));
    let metrics =
        (0..contents.partitions).map(|number| (format!("m{number:03}"), contents.metrics_flushed.get(&number)));
    for (log, flushed) in lines.chain(metrics) {
        let flushed = flushed.copied().unwrap_or_default();
        let dir = options.data.join("wal").join(&log);
        for number in segment::list(&dir)? {
            let place = format!("wal/{log}/{}", file_name(number));
            if number < flushed.segment {
                report.add(Severity::Notice, &place, "is no longer needed; the next start removes it");
                continue;
            }
            check_segment(&SegmentBytes::read(&dir.join(file_name(number)))?, number, flushed, &place, report);
        }
        for aside in kept_aside(&dir)? {
            report.damage(
                aside,
                "was kept because some of its acknowledged lines could not be read; look at it, then remove it",
            );
        }
    }
    Ok(())
}

fn kept_aside(dir: &std::path::Path) -> Result<Vec<String>, StoreError> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let entries = io_context(std::fs::read_dir(dir), || format!("cannot list {}", dir.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let aside = paths.filter(|path| path.extension().is_some_and(|extension| extension == "corrupt"));
    Ok(aside.map(|path| path.display().to_string()).collect())
}

fn check_segment(bytes: &SegmentBytes, number: u64, flushed: WalPosition, place: &str, report: &mut CheckReport) {
    report.wal_segments += 1;
    let from = if number == flushed.segment { flushed.offset } else { HEADER };
    let (mut decoder, mut scratch) = (Decoder::default(), Scratch::default());
    let of_metrics = place.starts_with("wal/m");
    for item in bytes.items(from) {
        match item {
            Item::Record { payload, offset, .. } if of_metrics => match count_samples(payload, &mut scratch) {
                Ok(samples) => {
                    report.wal_records += 1;
                    report.wal_samples += samples;
                }
                Err(what) => report.damage(place, format!("the record at byte {offset} cannot be decoded: {what}")),
            },
            Item::Record { payload, offset, .. } => match decoder.decode(payload) {
                Ok((_, batch)) => {
                    report.wal_records += 1;
                    report.wal_lines += batch.line_count() as u64;
                }
                Err(what) => report.damage(place, format!("the record at byte {offset} cannot be decoded: {what}")),
            },
            Item::Damaged { from, to, what } => {
                report.damage(place, format!("bytes {from} to {to} are damaged: {what}"))
            }
            Item::Torn { from, what } => {
                let what =
                    format!("ends unfinished at byte {from} ({what}), as after a crash; nothing acknowledged is lost");
                report.add(Severity::Notice, place, what);
            }
        }
    }
}

async fn check_block(objects: &Objects, meta: &BlockMeta, report: &mut CheckReport) {
    report.blocks += 1;
    report.objects_bytes += meta.parquet.len;
    if let Err(what) = check_object(&*objects.store, &meta.path(), meta.parquet).await {
        report.damage(meta.path(), what);
        return;
    }
    match count_block(objects.store.clone(), meta.clone()).await {
        Ok(samples) if samples == meta.samples => report.block_samples += samples,
        Ok(samples) => report.damage(meta.path(), format!("has {samples} samples, the catalog says {}", meta.samples)),
        Err(error) => report.damage(meta.path(), error),
    }
}

/// `known` are the files that do not belong to splits.
async fn check_splits(
    objects: &Objects,
    splits: Vec<SplitMeta>,
    mut known: HashSet<Path>,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    for meta in splits {
        known.extend([meta.parquet_path(), meta.index_path()]);
        check_split(objects, meta, report).await;
    }
    let listed: Result<Vec<_>, _> = objects.store.list(None).try_collect().await;
    let listed = listed.map_err(|error| object_error(&error, "cannot list the stored objects"))?;
    for object in listed.into_iter().filter(|object| !known.contains(&object.location)) {
        report.add(
            Severity::Notice,
            object.location,
            "belongs to no split or block; the store removes it after a while",
        );
    }
    Ok(())
}

async fn check_split(objects: &Objects, meta: SplitMeta, report: &mut CheckReport) {
    report.splits += 1;
    let files = [(meta.parquet_path(), meta.parquet), (meta.index_path(), meta.index)];
    let mut sound = true;
    for (path, expected) in files {
        if let Err(what) = check_object(&*objects.store, &path, expected).await {
            report.damage(&path, what);
            sound = false;
        }
        report.objects_bytes += expected.len;
    }
    if !sound {
        return;
    }
    let expected = meta.rows;
    let path = meta.parquet_path();
    match count_rows(Split::new(objects.store.clone(), meta, Cache::new(0))).await {
        Ok(rows) if rows == expected => report.split_rows += rows,
        Ok(rows) => report.damage(path, format!("has {rows} lines, the catalog says {expected}")),
        Err(error) => report.damage(path, error),
    }
}

async fn check_object(store: &dyn ObjectStore, path: &Path, expected: ObjectInfo) -> Result<(), String> {
    let found = store.get(path).await.map_err(|error| match error {
        object_store::Error::NotFound { .. } => "is missing".to_owned(),
        other => format!("cannot be read: {other}"),
    })?;
    if found.meta.size != expected.len {
        return Err(format!("has {} bytes, the catalog says {}", found.meta.size, expected.len));
    }
    let mut crc = crc32fast::Hasher::new();
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(|error| format!("cannot be read: {error}"))? {
        crc.update(&chunk);
    }
    if crc.finalize() == expected.crc32 { Ok(()) } else { Err("has a wrong checksum: its bytes were changed".into()) }
}

/// Reads every line, checking that they come in order.
async fn count_rows(split: Arc<Split>) -> Result<u64, StoreError> {
    let mut rows = split.read_sorted().await?;
    let mut count = 0;
    let mut last = None;
    while let Some(chunk) = rows.next_chunk().await? {
        for at in 0..chunk.len() {
            chunk.body(at)?;
            let key = (chunk.labels.clone(), chunk.timestamp(at));
            if last.as_ref().is_some_and(|last| *last > key) {
                return Err(StoreError::corrupt("lines are out of order"));
            }
            last = Some(key);
        }
        count += chunk.len() as u64;
    }
    Ok(count)
}

//! Split files that are no longer in the catalog: removed when the last reader lets go, or when nobody knows them.

use crate::error::object_error;
use crate::objects::Objects;
use crate::split::Split;
use futures::TryStreamExt;
use gantry_model::Timestamp;
use gantry_store_api::StoreError;
use object_store::ObjectMeta;
use object_store::path::Path;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Splits that left the catalog and may still be read by an older snapshot.
#[derive(Debug, Default)]
pub(crate) struct Graveyard {
    buried: Mutex<Vec<Grave>>,
}

#[derive(Clone, Debug)]
struct Grave {
    held: Weak<dyn Buried>,
    files: Vec<Path>,
}

/// What has files that go when nobody holds it any more.
pub(crate) trait Buried: std::fmt::Debug + Send + Sync {}

impl Buried for Split {}

impl Graveyard {
    pub(crate) fn bury(&self, split: Arc<Split>) {
        let files = vec![split.meta().parquet_path(), split.meta().index_path()];
        let held: Arc<dyn Buried> = split;
        self.bury_files(&held, files);
    }

    /// The files go when `held` is let go.
    pub(crate) fn bury_files(&self, held: &Arc<dyn Buried>, files: Vec<Path>) {
        self.buried.lock().push(Grave { held: Arc::downgrade(held), files });
    }

    /// Removes the files of splits that nobody reads any more; gives how many splits that were.
    pub(crate) async fn sweep(&self, objects: &Objects) -> Result<usize, StoreError> {
        let free: Vec<Grave> =
            self.buried.lock().iter().filter(|grave| grave.held.strong_count() == 0).cloned().collect();
        for grave in &free {
            for file in &grave.files {
                objects.delete(file).await?;
            }
            self.buried.lock().retain(|other| other.files != grave.files);
        }
        Ok(free.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.buried.lock().len()
    }

    fn files(&self) -> Vec<Path> {
        self.buried.lock().iter().flat_map(|grave| grave.files.clone()).collect()
    }
}

/// Removes objects that are older than `age` and of which neither the catalog nor the graveyard knows: what a crash
/// between writing a split and entering it in the catalog leaves behind. `known` is asked after the listing.
pub(crate) async fn remove_orphans(
    objects: &Objects,
    graveyard: &Graveyard,
    now: Timestamp,
    age: Duration,
    known: impl FnOnce() -> HashSet<Path>,
) -> Result<usize, StoreError> {
    let listed: Result<Vec<_>, _> = objects.store.list(None).try_collect().await;
    let listed = listed.map_err(|error| object_error(&error, "cannot list the stored objects"))?;
    let mut known = known();
    known.extend(graveyard.files());
    let limit = now.saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)).0;
    let old = |object: &ObjectMeta| object.last_modified.timestamp_nanos_opt().is_some_and(|at| at < limit);
    let orphans = listed.into_iter().filter(|object| !known.contains(&object.location));
    let mut removed = 0;
    for object in orphans.filter(old) {
        tracing::info!(object = %object.location, "removing a stored file that belongs to no split");
        objects.delete(&object.location).await?;
        removed += 1;
    }
    Ok(removed)
}

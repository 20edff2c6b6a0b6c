//! Where split files live: a local directory with real durability, or S3.

use crate::StoreOptions;
use crate::error::{io_context, join_error, object_error};
use crate::split::ObjectInfo;
use crate::wal::segment::sync_dir;
use bytes::Bytes;
use gantry_store_api::{ErrorKind, StoreError};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use std::path::PathBuf;
use std::sync::Arc;

/// An object store, and the directory behind it when it is a local one.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    pub store: Arc<dyn ObjectStore>,
    local_root: Option<PathBuf>,
}

impl Objects {
    pub(crate) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        match options.object_store.strip_prefix("s3://") {
            Some(place) => open_s3(options, place),
            None => open_local(options.data.join("objects")),
        }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local_root.is_some()
    }

    /// Writes an object; it survives a loss of power when this returns.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<ObjectInfo, StoreError> {
        let info = ObjectInfo { len: bytes.len() as u64, crc32: crc32fast::hash(&bytes) };
        let put = self.store.put(path, bytes.into()).await;
        put.map_err(|error| object_error(&error, format!("cannot write {path}")))?;
        if let Some(root) = self.local_root.clone() {
            let path = path.clone();
            let synced = tokio::task::spawn_blocking(move || sync_object(&root, &path)).await;
            synced.map_err(join_error)??;
        }
        Ok(info)
    }

    /// Removes an object; one that is not there is fine.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(object_error(&error, format!("cannot remove {path}"))),
        }
    }
}

fn open_local(root: PathBuf) -> Result<Objects, StoreError> {
    io_context(std::fs::create_dir_all(&root), || format!("cannot create {}", root.display()))?;
    let store = LocalFileSystem::new_with_prefix(&root)
        .map_err(|error| object_error(&error, format!("cannot open {}", root.display())))?;
    Ok(Objects { store: Arc::new(store), local_root: Some(root) })
}

/// The local store renames a finished file into place and leaves it to the system when that reaches the disk.
fn sync_object(root: &std::path::Path, path: &Path) -> Result<(), StoreError> {
    let file = root.join(path.as_ref());
    let sync = || {
        std::fs::File::open(&file)?.sync_all()?;
        let above = file.ancestors().skip(1);
        for dir in above.take_while(|dir| dir.starts_with(root)) {
            sync_dir(dir)?;
        }
        Ok(())
    };
    io_context(sync(), || format!("cannot sync {}", file.display()))
}

fn open_s3(options: &StoreOptions, place: &str) -> Result<Objects, StoreError> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(StoreError::new(ErrorKind::Invalid, "store.object_store must name a bucket: s3://bucket/prefix"));
    }
    let s3 = &options.s3;
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(s3.allow_http);
    if !s3.endpoint.is_empty() {
        builder = builder.with_endpoint(&s3.endpoint);
    }
    if !s3.region.is_empty() {
        builder = builder.with_region(&s3.region);
    }
    if !s3.access_key_id.is_empty() {
        builder = builder.with_access_key_id(&s3.access_key_id).with_secret_access_key(s3.secret_access_key.reveal());
    }
    let store = builder.build().map_err(|error| object_error(&error, "cannot set up the S3 client"))?;
    let store: Arc<dyn ObjectStore> = match prefix.trim_matches('/') {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    };
    Ok(Objects { store, local_root: None })
}

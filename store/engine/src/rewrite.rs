//! Rewrites a split without the lines that a mask hides.

use crate::mask::{Mask, StreamMask};
use crate::merge::{Input, merge};
use crate::partition::Partition;
use crate::shared::{Birth, Shared};
use crate::split::Split;
use gantry_model::Timestamp;
use gantry_store_api::StoreError;
use std::sync::Arc;

/// What a mask makes of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It hides nothing.
    Stays,
    /// It hides some of it.
    Shrinks,
    /// It hides all of it.
    Goes,
}

/// Reads the index of the split, not its lines. `worth` says, by first and last line, whether what is hidden of a stream
/// is worth rewriting the split.
pub(crate) async fn fate(
    split: &Split,
    mask: &Mask,
    worth: fn(&StreamMask, Timestamp, Timestamp) -> bool,
) -> Result<Fate, StoreError> {
    let open = split.open().await?;
    let (mut touched, mut all) = (false, true);
    for stream in open.index.streams.iter() {
        let masked = mask.of_stream(&stream.labels);
        touched |= masked.as_ref().is_some_and(|mask| worth(mask, stream.min_ts, stream.max_ts));
        all &= masked.is_some_and(|mask| mask.hides_all(stream.min_ts, stream.max_ts));
    }
    Ok(if all {
        Fate::Goes
    } else if touched {
        Fate::Shrinks
    } else {
        Fate::Stays
    })
}

/// Puts what is left of a split in its place; `through` is the number of the last delete request that it need not fear
/// any more. The caller holds [`Partition::compacting`].
pub(crate) async fn rewrite(
    shared: &Arc<Shared>,
    partition: &Partition,
    split: Arc<Split>,
    mask: Mask,
    fate: Fate,
    through: u64,
) -> Result<(), StoreError> {
    let old = split.meta().clone();
    let new = match fate {
        Fate::Goes => None,
        Fate::Stays | Fate::Shrinks => {
            shared.disk.check_free(old.stored_bytes())?;
            let input = Input { split, mask };
            let options = &shared.options;
            let _alone = shared.merging.lock().await;
            let level = if old.settled { options.settled_zstd_level } else { options.compact_zstd_level };
            merge(vec![input], level, &options.drafts()).await.map_err(|failed| failed.error)?
        }
    };
    let birth = Birth { deletes_through: through.max(old.deletes_through), ..Birth::of(&old) };
    let new = match new {
        Some(encoded) => Some(shared.store_split(&old.tenant, birth, encoded).await?),
        None => None,
    };
    let left = new.as_ref().map_or(0, |meta| meta.rows);
    shared.catalog.replace(std::slice::from_ref(&old), new.as_slice()).await?;
    let replaced = std::slice::from_ref(&old);
    for removed in partition.replace(&old.tenant, replaced, new.map(|meta| shared.open_split(meta))) {
        shared.bury(removed);
    }
    shared.metrics.rewrites.inc();
    shared.metrics.removed_lines.inc_by(old.rows.saturating_sub(left));
    Ok(())
}

//! The suite that every implementation of [`Append`], [`Queryable`], [`Tail`] and [`Delete`] runs: one function per rule.
//!
//! Implement [`Subject`], then write `gantry_store_api::contract_tests!(open)` in a test module, where `open` is an async
//! function that gives an empty store.

mod append;
mod delete;
pub mod metrics;
mod query;
mod support;
mod tail;

pub use append::*;
pub use delete::*;
pub use query::*;
pub use support::{Row, read, read_range, rows_of_scan};
pub use tail::*;

use crate::{Append, Delete, Queryable, Tail};
use async_trait::async_trait;

/// A store under test.
#[async_trait]
pub trait Subject: Append + Queryable + Tail + Delete + 'static {
    /// Live subscriptions.
    fn subscribers(&self) -> usize;

    /// Called between writing and reading. A store that moves lines from one place to another does so here.
    async fn rearrange(&self) {}
}

#[async_trait]
impl Subject for crate::memory::MemoryStore {
    fn subscribers(&self) -> usize {
        crate::memory::MemoryStore::subscribers(self)
    }
}

/// A test for every rule of the contract.
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests!(
            $open,
            acknowledged_lines_are_found_as_they_were_written,
            an_empty_batch_is_acknowledged_and_stores_nothing,
            lines_are_found_as_soon_as_they_are_acknowledged,
            a_line_that_was_written_twice_counts_once,
            lines_that_differ_in_one_thing_are_all_kept,
            a_cancelled_append_is_whole_or_absent,
            equal_timestamps_keep_their_order,
            time_ranges_are_half_open,
            a_version_changes_with_the_answer,
            selectors_choose_streams,
            line_filters_choose_lines,
            bounds_of_ordered_scans_hold,
            parallel_parts_hold_every_row_once,
            only_the_columns_asked_for_come,
            tenants_do_not_see_each_other,
            a_snapshot_stays_as_it_was,
            streams_are_summed_up,
            a_tail_sees_what_matches_and_a_query_finds_it,
            a_slow_tail_is_told_what_it_missed,
            a_dropped_tail_is_forgotten,
            deleted_lines_are_hidden_at_once_and_for_good,
            lines_written_after_a_delete_are_kept,
            a_delete_is_of_one_tenant,
            a_cancelled_delete_has_no_effect,
            an_older_snapshot_still_shows_what_was_deleted
        );
    };
    ($open:path, $($rule:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::contract::$rule(std::sync::Arc::new($open().await)).await;
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryStore;

    async fn open() -> MemoryStore {
        MemoryStore::default()
    }

    crate::contract_tests!(open);

    async fn open_metrics() -> crate::memory_metrics::MemoryMetrics {
        crate::memory_metrics::MemoryMetrics::default()
    }

    crate::metric_contract_tests!(open_metrics);
}

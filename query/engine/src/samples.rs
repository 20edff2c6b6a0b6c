//! What is asked of metrics beside their values: series, labels, exemplars, what families mean, where series come from.

use crate::{QueryEngine, QueryError};
use gantry_model::metric::{Exemplar, MetricMetadata};
use gantry_model::{LabelSet, Selector, TenantId};
use gantry_store_api::{Cardinality, MillisRange};
use std::collections::{BTreeMap, BTreeSet};

/// Which series: those that match any of the selectors, all where there is none, and have samples in the range.
#[derive(Clone, Debug)]
pub struct SeriesScope {
    pub selectors: Vec<Selector>,
    pub range: MillisRange,
}

impl QueryEngine {
    /// Label sets, sorted.
    pub async fn metric_series(&self, tenant: &TenantId, scope: &SeriesScope) -> Result<Vec<LabelSet>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        self.guarded("metric_series", tenant, async { Ok(querier.series(&scope.selectors, scope.range).await?) }).await
    }

    /// Names of labels, sorted.
    pub async fn metric_labels(&self, tenant: &TenantId, scope: &SeriesScope) -> Result<BTreeSet<String>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        self.guarded("metric_labels", tenant, async { Ok(querier.label_names(&scope.selectors, scope.range).await?) })
            .await
    }

    /// Values of one label, sorted.
    pub async fn metric_label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        scope: &SeriesScope,
    ) -> Result<BTreeSet<String>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let values = async { Ok(querier.label_values(name, &scope.selectors, scope.range).await?) };
        self.guarded("metric_label_values", tenant, values).await
    }

    /// Exemplars by series, each in order of time.
    pub async fn metric_exemplars(
        &self,
        tenant: &TenantId,
        scope: &SeriesScope,
    ) -> Result<Vec<(LabelSet, Vec<Exemplar>)>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let exemplars = async { Ok(querier.exemplars(&scope.selectors, scope.range).await?) };
        self.guarded("metric_exemplars", tenant, exemplars).await
    }

    /// Type, help and unit by family.
    pub fn metric_metadata(
        &self,
        tenant: &TenantId,
        family: Option<&str>,
    ) -> BTreeMap<String, BTreeSet<MetricMetadata>> {
        self.samples.metadata(tenant, family)
    }

    /// Where the tenant's series come from; lists of at most `limit` rows.
    pub fn metric_cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        self.samples.cardinality(tenant, limit)
    }
}

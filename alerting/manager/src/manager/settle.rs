//! Alerts of this process's own rules: after a restart nobody reports those that ended meanwhile, since rules begin with none.

use super::{Alertmanager, AlertmanagerError};
use crate::kept;
use gantry_model::{LabelSet, TenantId};

impl Alertmanager {
    /// After a start and an evaluation of the rule group `source`: ends what it reported before and does not know (`known`, by
    /// labels) any more. Returns whether that is all; an alert that is pending again is neither reported nor over.
    ///
    /// # Errors
    /// When it could not be kept.
    pub async fn settle(
        &self,
        source: &str,
        tenant: &TenantId,
        known: &(dyn Fn(&LabelSet) -> bool + Sync),
    ) -> Result<bool, AlertmanagerError> {
        // A receiver that was told just before a kill is told again at the first look, and only then of the end.
        if self.state.lock().looked.is_none() {
            return Ok(false);
        }
        let now = self.clock.now();
        let _keeping = self.keeping.lock().await;
        let (ended, all) = self.with_core(tenant, |core| core.settle(source, self.started, known, now));
        self.keep(ended.iter().map(|alert| kept::alert(tenant, alert)).collect()).await?;
        self.wake.notify_one();
        Ok(all)
    }
}

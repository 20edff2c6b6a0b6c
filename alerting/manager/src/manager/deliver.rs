//! Sends one notification: tries until it is taken, refused for good, or its time is over.

use super::Alertmanager;
use crate::core::Notification;
use crate::data::Data;
use crate::kept;
use crate::receive::{Failure, Notifier};
use gantry_model::TenantId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// Longest time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Pauses between attempts: each longer than the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Alertmanager {
    pub(super) async fn deliver(self: Arc<Self>, tenant: TenantId, one: Notification) {
        let notifier = self.setup.read().notifiers.get(&(one.receiver.clone(), one.integration.clone())).cloned();
        let well = match notifier {
            // Nobody but the log hears of alerts that are over, where they are not to be told.
            Some(notifier) if !one.alerts.is_empty() => self.try_all(&tenant, &one, &*notifier).await,
            Some(_) => true,
            // The configuration has changed meanwhile.
            None => false,
        };
        let _keeping = self.keeping.lock().await;
        let now = self.clock.now();
        let logged = self.with_core(&tenant, |core| core.done(&one, well, now));
        if let Some((key, entry)) = logged {
            // When it cannot be kept the receiver may be told once more after a restart.
            let _logged = self.keep(vec![kept::entry(&tenant, &key, &entry)]).await;
        }
    }

    async fn try_all(&self, tenant: &TenantId, one: &Notification, notifier: &dyn Notifier) -> bool {
        let of = [one.receiver.as_str(), one.integration.as_str()];
        let data = Data::of(one, &self.external_url);
        let (mut pause, mut tries) = (FIRST_PAUSE, 0_u32);
        loop {
            let left = Duration::from_nanos(
                one.deadline.nanos().saturating_sub(self.clock.now().nanos()).max(0).unsigned_abs(),
            );
            if left.is_zero() {
                error!(%tenant, group = one.group_key, receiver = one.receiver, tries, "a notification was given up for now; it is made again when its group is due");
                self.metrics.failed.with_label_values(&of).inc();
                return false;
            }
            tries += 1;
            match self.attempt(&of, notifier, &data, left.min(ATTEMPT)).await {
                Ok(()) => {
                    self.metrics.notifications.with_label_values(&of).inc();
                    info!(%tenant, group = one.group_key, receiver = one.receiver, alerts = data.alerts.len(), tries, "notified");
                    return true;
                }
                Err(Failure { retry: false, why }) => {
                    error!(%tenant, group = one.group_key, receiver = one.receiver, why, "a notification was refused");
                    self.metrics.failed.with_label_values(&of).inc();
                    return false;
                }
                Err(Failure { why, .. }) => {
                    if tries == 1 {
                        warn!(%tenant, group = one.group_key, receiver = one.receiver, why, "a notification is tried again");
                    }
                    tokio::time::sleep(pause.min(left)).await;
                    pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn attempt(
        &self,
        of: &[&str; 2],
        notifier: &dyn Notifier,
        data: &Data,
        limit: Duration,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        self.metrics.attempts.with_label_values(of).inc();
        let tried = tokio::time::timeout(limit, notifier.notify(data)).await;
        self.metrics.seconds.observe(began.elapsed().as_secs_f64());
        let late =
            |_| Err(Failure { retry: true, why: format!("{} did not answer within {limit:?}", notifier.kind()) });
        tried.unwrap_or_else(late)
    }
}

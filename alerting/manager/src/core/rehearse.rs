//! What would be sent, if this and that were reported: a core with a clock that goes from one event to the next.

use super::{Core, Notification, SECOND};
use crate::alert::Alert;
use gantry_model::Timestamp;

/// Between forgetting what is over, as in Alertmanager.
const MAINTAIN: i64 = 30 * SECOND;

impl Core {
    /// Whether anybody would be told of anything.
    pub fn has_integrations(&self) -> bool {
        self.integrations.values().any(|of_receiver| !of_receiver.is_empty())
    }

    /// Takes reports, each at its time, in order of time, and says what would be sent up to `until`; all of it arrives. `each`
    /// hears of every notification, and may stop with `false`; so does the rehearsal after `most` instants.
    ///
    /// Returns the instant up to which everything is known.
    pub fn rehearse(
        mut self,
        reports: impl IntoIterator<Item = (Timestamp, Alert)>,
        until: Timestamp,
        most: usize,
        mut each: impl FnMut(&Notification) -> bool,
    ) -> Timestamp {
        let mut reports = reports.into_iter().peekable();
        let mut maintained = Timestamp(i64::MIN);
        for _ in 0..most {
            let report = reports.peek().map(|(at, _)| *at);
            let Some(now) = report.into_iter().chain(self.next_due()).min().filter(|at| *at <= until) else {
                return until;
            };
            while let Some((_, alert)) = reports.next_if(|(at, _)| *at <= now) {
                self.put(alert, now);
            }
            for one in self.due(now) {
                self.done(&one, true, now);
                if !each(&one) {
                    return now;
                }
            }
            if now.saturating_sub(MAINTAIN) >= maintained {
                self.maintain(now);
                maintained = now;
            }
        }
        self.next_due().unwrap_or(until).min(until)
    }
}

//! [`Pipeline`]: all transforms, in order.

mod explain;
#[cfg(test)]
mod tests;

pub use explain::{Fate, Step};

use crate::action::{Action, Batch, Verdict};
use crate::event::Event;
use crate::invalid::{Invalid, Wrong};
use crate::options::{OnError, TransformOptions};
use crate::outputs::Outputs;
use crate::program::Scratch;
use crate::rate::Charges;
use crate::scope::Scope;
use crate::tally::Tally;
use gantry_model::{LogBatch, Selector, TenantId, Timestamp};
use std::time::Duration;

/// Compiled transforms. Cheap to share: only rate limits hold state, behind locks of their own.
#[derive(Debug, Default)]
pub struct Pipeline {
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    scope: Scope,
    action: Action,
    on_error: OnError,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Ran {
    /// What is to be stored, by tenant; no tenant twice, no batch empty.
    pub batches: Vec<(TenantId, LogBatch)>,
    /// What each stage did, in the order of [`Pipeline::names`]. Empty when no stage was for any of the lines.
    pub tallies: Vec<Tally>,
    /// For [`Pipeline::refund`], when the lines are not stored after all.
    pub charges: Charges,
}

/// Why a batch was not transformed. None of it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A rate limit that refuses.
    #[error("over the rate limit {name}; send again later")]
    Over {
        /// Of the transform.
        name: String,
        /// When to send again.
        wait: Duration,
    },
    /// Programs made more text of it than a batch can hold.
    #[error("the transformed lines are over 4 GiB")]
    TooLarge,
}

/// Where a line goes.
enum Way {
    On,
    Away,
}

impl Pipeline {
    /// Compiles the transforms; `parse` reads a LogQL stream selector.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn compile(
        transforms: &[TransformOptions],
        parse: &dyn Fn(&str) -> Result<Selector, String>,
    ) -> Result<Self, Vec<Invalid>> {
        let (mut stages, mut invalid): (Vec<Stage>, Vec<Invalid>) = (Vec::new(), Vec::new());
        for (at, options) in transforms.iter().enumerate() {
            let mut wrong = Vec::new();
            let scope = Scope::new(options, parse, &mut wrong);
            let action = Action::new(options).map_err(|error| wrong.push(error)).ok();
            let kind = action.as_ref().map_or("transform", Action::kind);
            let name = options.name.clone().unwrap_or_else(|| format!("{kind}-{}", at + 1));
            if name.is_empty() || stages.iter().any(|stage| stage.name == name) {
                wrong.push(Wrong::new("name", "must be there, and another than those of the other transforms"));
            }
            if let OnError::Tenant(tenant) = &options.on_error
                && tenant.is_reserved()
            {
                wrong.push(Wrong::new("on_error", format!("tenant {tenant} is reserved for Gantry itself")));
            }
            let of_this = |Wrong { key, message }: Wrong| Invalid { at, name: name.clone(), key, message };
            invalid.extend(wrong.into_iter().map(of_this));
            if let Some(action) = action {
                stages.push(Stage { name, scope, action, on_error: options.on_error.clone() });
            }
        }
        if invalid.is_empty() { Ok(Pipeline { stages }) } else { Err(invalid) }
    }

    /// Whether there is nothing to do, ever.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether any transform is for lines of this source.
    pub fn has_source(&self, source: &str) -> bool {
        self.stages.iter().any(|stage| stage.scope.has_source(source))
    }

    /// Names of the transforms, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| &*stage.name)
    }

    /// Passes the lines of one request through the stages. A batch that no stage is for comes back as it is.
    ///
    /// # Errors
    /// When the request as a whole must be refused; charges are given back then.
    pub fn run(&self, tenant: &TenantId, source: &str, batch: LogBatch, now: Timestamp) -> Result<Ran, RunError> {
        let concerned = |stage: &Stage, labels| stage.scope.has_stream(source, tenant, labels);
        let any = batch.streams().iter().any(|stream| self.stages.iter().any(|stage| concerned(stage, &stream.labels)));
        if !any {
            let batches = if batch.is_empty() { Vec::new() } else { vec![(tenant.clone(), batch)] };
            return Ok(Ran { batches, tallies: Vec::new(), charges: Charges::default() });
        }
        let mut outputs = Outputs::default();
        let mut tallies = vec![Tally::default(); self.stages.len()];
        let mut state = Batch { source, now, scratch: Scratch::default(), charges: Charges::default() };
        for stream in batch.streams() {
            let concerned: Vec<bool> = self.stages.iter().map(|stage| concerned(stage, &stream.labels)).collect();
            for row in batch.rows_of(stream) {
                let mut event = Event::of(&batch, row, &stream.labels, tenant);
                match self.pass(&mut event, &concerned, &mut state, &mut tallies) {
                    Ok(Way::On) => outputs.push(event),
                    Ok(Way::Away) => {}
                    Err(error) => {
                        self.refund(&state.charges);
                        return Err(error);
                    }
                }
            }
        }
        let charges = state.charges;
        match outputs.finish() {
            Ok(batches) => Ok(Ran { batches, tallies, charges }),
            Err(_) => {
                self.refund(&charges);
                Err(RunError::TooLarge)
            }
        }
    }

    /// One line through all stages. `concerned` is what was found for its stream; a line that moved to another stream or
    /// tenant is asked about again.
    fn pass(
        &self,
        event: &mut Event<'_>,
        concerned: &[bool],
        state: &mut Batch<'_>,
        tallies: &mut [Tally],
    ) -> Result<Way, RunError> {
        let (labels, tenant) = (event.labels.clone(), event.tenant.clone());
        for (at, stage) in self.stages.iter().enumerate() {
            let moved = event.labels != labels || event.tenant != tenant;
            let is_for = match moved {
                true => stage.scope.has_stream(state.source, &event.tenant, &event.labels),
                false => concerned[at],
            };
            if !is_for || !stage.scope.has_line(&event.body) {
                continue;
            }
            let tally = &mut tallies[at];
            tally.events += 1;
            match stage.step(at, event, state) {
                Verdict::Pass => {}
                Verdict::Drop(reason, _) => {
                    tally.drop_line(&reason, event.size());
                    return Ok(Way::Away);
                }
                Verdict::Fail(reason, message) => {
                    tally.fail(reason, message);
                    if stage.recover(event) {
                        tally.drop_line("error", event.size());
                        return Ok(Way::Away);
                    }
                }
                Verdict::Refuse(wait) => return Err(RunError::Over { name: stage.name.clone(), wait }),
            }
        }
        Ok(Way::On)
    }

    /// Gives back what a batch took from rate limits.
    pub fn refund(&self, charges: &Charges) {
        for charge in &charges.0 {
            if let Some(Stage { action: Action::RateLimit(limiter), .. }) = self.stages.get(charge.stage) {
                limiter.refund(charge);
            }
        }
    }
}

impl Stage {
    fn step(&self, at: usize, event: &mut Event<'_>, state: &mut Batch<'_>) -> Verdict {
        self.action.apply(at, event, state)
    }

    /// After a failure: whether the line is to be dropped.
    fn recover(&self, event: &mut Event<'_>) -> bool {
        if let OnError::Tenant(tenant) = &self.on_error {
            event.tenant = tenant.clone();
        }
        self.on_error == OnError::Drop
    }
}

/// A reason as it is shown to people.
fn because(reason: &str, message: Option<String>) -> String {
    message.map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}"))
}

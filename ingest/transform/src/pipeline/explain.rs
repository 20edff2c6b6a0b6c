//! A dry run of one line, stage by stage.

use super::{Pipeline, Stage, because};
use crate::action::{Batch, Verdict};
use crate::event::Event;
use crate::program::Scratch;
use crate::rate::Charges;
use gantry_model::Timestamp;

/// What one stage did to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the transform.
    pub name: String,
    pub fate: Fate,
}

/// What became of a line in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The stage was for it and left it as it was.
    Unchanged,
    Changed,
    /// Why.
    Dropped(String),
    /// Why the stage failed; the line went on.
    Failed(String),
    /// Why the stage failed; the line was dropped for it.
    DroppedAfter(String),
    /// Its whole request would be refused.
    Refused(String),
}

impl Pipeline {
    /// Passes one line through the stages it is for and tells what each did. `None` in place of the line: it is dropped.
    /// Rate limits count it.
    pub fn explain<'a>(&self, event: Event<'a>, source: &str, now: Timestamp) -> (Option<Event<'a>>, Vec<Step>) {
        let mut state = Batch { source, now, scratch: Scratch::default(), charges: Charges::default() };
        let (mut event, mut steps) = (event, Vec::new());
        for (at, stage) in self.stages.iter().enumerate() {
            let scope = &stage.scope;
            if !scope.has_stream(source, &event.tenant, &event.labels) || !scope.has_line(&event.body) {
                continue;
            }
            let (fate, gone) = stage.explain(at, &mut event, &mut state);
            steps.push(Step { name: stage.name.clone(), fate });
            if gone {
                return (None, steps);
            }
        }
        (Some(event), steps)
    }
}

impl Stage {
    /// The fate, and whether the line is gone.
    fn explain(&self, at: usize, event: &mut Event<'_>, state: &mut Batch<'_>) -> (Fate, bool) {
        let before = event.clone();
        match self.step(at, event, state) {
            Verdict::Pass if *event == before => (Fate::Unchanged, false),
            Verdict::Pass => (Fate::Changed, false),
            Verdict::Drop(reason, message) => (Fate::Dropped(because(&reason, message)), true),
            Verdict::Refuse(wait) => (Fate::Refused(format!("over the rate for {wait:?}")), true),
            Verdict::Fail(reason, message) => {
                let why = because(reason, Some(message));
                if self.recover(event) { (Fate::DroppedAfter(why), true) } else { (Fate::Failed(why), false) }
            }
        }
    }
}

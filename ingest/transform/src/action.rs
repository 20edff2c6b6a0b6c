//! [`Action`]: what a stage does, whichever of the seven kinds it is.

use crate::event::Event;
use crate::invalid::Wrong;
use crate::options::{DropOptions, Over, TransformOptions};
use crate::program::{Ended, Program, Scratch};
use crate::rate::{Charges, Limiter};
use crate::redact::Redactor;
use crate::route::Router;
use crate::sample::Sampler;
use gantry_model::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

#[derive(Debug)]
pub(crate) enum Action {
    Vrl(Box<Program>),
    Redact(Redactor),
    Sample(Sampler),
    RateLimit(Limiter),
    Route(Router),
    /// The reason.
    Drop(String),
}

/// What a stage decided about one line.
#[derive(Debug)]
pub(crate) enum Verdict {
    Pass,
    /// The reason, and the program's own words.
    Drop(Cow<'static, str>, Option<String>),
    /// A stable reason and the words; the line is as it was.
    Fail(&'static str, String),
    /// The whole request is over its rate for so long.
    Refuse(Duration),
}

/// What a batch carries from line to line.
#[derive(Debug)]
pub(crate) struct Batch<'s> {
    pub source: &'s str,
    pub now: Timestamp,
    pub scratch: Scratch,
    pub charges: Charges,
}

impl Action {
    /// Exactly one kind.
    pub fn new(options: &TransformOptions) -> Result<Self, Wrong> {
        let given = [
            options.vrl.is_some() || options.vrl_file.is_some(),
            options.redact.is_some(),
            options.sample.is_some(),
            options.rate_limit.is_some(),
            options.route.is_some(),
            options.drop.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 || options.vrl.is_some() && options.vrl_file.is_some() {
            let message = "give exactly one of vrl, vrl_file, redact, sample, rate_limit, route and drop";
            return Err(Wrong::new("", message));
        }
        match options {
            TransformOptions { redact: Some(redact), .. } => Redactor::new(redact).map(Action::Redact),
            TransformOptions { sample: Some(sample), .. } => Sampler::new(sample).map(Action::Sample),
            TransformOptions { rate_limit: Some(limit), .. } => Limiter::new(limit).map(Action::RateLimit),
            TransformOptions { route: Some(route), .. } => Router::new(route).map(Action::Route),
            TransformOptions { drop: Some(drop), .. } => reason(drop).map(Action::Drop),
            _ => program(options).map(|program| Action::Vrl(Box::new(program))),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Action::Vrl(_) => "vrl",
            Action::Redact(_) => "redact",
            Action::Sample(_) => "sample",
            Action::RateLimit(_) => "rate_limit",
            Action::Route(_) => "route",
            Action::Drop(_) => "drop",
        }
    }

    /// `stage` is the place of this one among all.
    pub fn apply(&self, stage: usize, event: &mut Event<'_>, batch: &mut Batch<'_>) -> Verdict {
        match self {
            Action::Vrl(program) => match program.run(event, batch.source, &mut batch.scratch) {
                Ok(()) => Verdict::Pass,
                Err(Ended::Aborted(message)) => Verdict::Drop(Cow::Borrowed("aborted"), message),
                Err(Ended::Failed(reason, message)) => Verdict::Fail(reason, message),
            },
            Action::Redact(redactor) => {
                redactor.apply(event);
                Verdict::Pass
            }
            Action::Sample(sampler) if sampler.keeps(event) => Verdict::Pass,
            Action::Sample(_) => Verdict::Drop(Cow::Borrowed("sampled_out"), None),
            Action::RateLimit(limiter) => match limiter.admit(stage, event, batch.now, &mut batch.charges) {
                Ok(()) => Verdict::Pass,
                Err(wait) if limiter.over == Over::Refuse => Verdict::Refuse(wait),
                Err(_) => Verdict::Drop(Cow::Borrowed("rate_limited"), None),
            },
            Action::Route(router) => match router.target(event) {
                Ok(Some(tenant)) => {
                    event.tenant = tenant;
                    Verdict::Pass
                }
                Ok(None) => Verdict::Pass,
                Err(message) => Verdict::Fail("bad_tenant", message),
            },
            Action::Drop(reason) => Verdict::Drop(Cow::Owned(reason.clone()), None),
        }
    }
}

fn reason(drop: &DropOptions) -> Result<String, Wrong> {
    match drop {
        DropOptions::Always(true) => Ok("dropped".to_owned()),
        DropOptions::Always(false) => Err(Wrong::new("drop", "false does nothing; leave the transform out")),
        DropOptions::Because(reason) if reason.is_empty() || reason.len() > 64 => {
            Err(Wrong::new("drop", "a reason has 1 to 64 bytes: it names a count in metrics"))
        }
        DropOptions::Because(reason) => Ok(reason.clone()),
    }
}

fn program(options: &TransformOptions) -> Result<Program, Wrong> {
    let Some(path) = &options.vrl_file else {
        return Program::compile(options.vrl.as_deref().unwrap_or_default(), "vrl", options.max_steps);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Wrong::new("vrl_file", format!("{} cannot be read: {error}", path.display())))?;
    Program::compile(&text, "vrl_file", options.max_steps)
        .map_err(|wrong| Wrong::new(wrong.key, format!("{}: {}", path.display(), wrong.message)))
}

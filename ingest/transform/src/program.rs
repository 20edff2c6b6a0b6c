//! [`Program`]: a program in the Vector Remap Language, compiled once, run for each line.
//!
//! The event: `.message`, `.timestamp`, `.labels.*`, `.metadata.*`, `.tenant`, and for reading `.source` and `.severity`.
//! Only what a program names is converted for it; what it leaves alone is not converted back. `abort` drops the line.
//!
//! Bounds: a program has no loops without end, and evaluates at most `max_steps` expressions for one line. One call of a
//! function is not interrupted; those of the standard library take time in proportion to their input, which is the line.

mod read;
#[cfg(test)]
mod tests;
mod write;

use crate::event::Event;
use crate::invalid::Wrong;
use read::Wanted;
use std::ops::ControlFlow;
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::state::ExternalEnv;
use vrl::compiler::{CompileConfig, TargetValue, TimeZone, compile_with_external};
use vrl::diagnostic::Formatter;
use vrl::prelude::{Collection, Kind, ObjectMap, Value};
use vrl::value::Secrets;

/// Expressions that one line may cost when nobody says otherwise.
const MAX_STEPS: u64 = 100_000;

#[derive(Debug)]
pub(crate) struct Program {
    program: vrl::compiler::Program,
    wanted: Wanted,
    max_steps: u64,
    zone: TimeZone,
}

/// What programs use again from line to line.
#[derive(Debug)]
pub(crate) struct Scratch {
    runtime: Runtime,
    target: TargetValue,
}

impl Default for Scratch {
    fn default() -> Self {
        let target = TargetValue {
            value: Value::Object(ObjectMap::new()),
            metadata: Value::Object(ObjectMap::new()),
            secrets: Secrets::new(),
        };
        Scratch { runtime: Runtime::default(), target }
    }
}

/// How a program ended that did not change the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// `abort`, with its message if it gave one.
    Aborted(Option<String>),
    /// A stable reason, and the words.
    Failed(&'static str, String),
}

impl Program {
    /// Compiles; `key` says where the text came from.
    ///
    /// # Errors
    /// The compiler's own report, with the place in the program.
    pub fn compile(text: &str, key: &'static str, max_steps: Option<u64>) -> Result<Self, Wrong> {
        let environment = ExternalEnv::new_with_kind(kind_of_event(), Kind::object(Collection::empty()));
        let functions = vrl::stdlib::all();
        let compiled = compile_with_external(text, &functions, &environment, CompileConfig::default());
        let program = compiled.map_err(|report| {
            Wrong::new(key, format!("the program does not compile:{}", Formatter::new(text, report)).trim_end())
        })?;
        let program = program.program;
        if max_steps == Some(0) {
            return Err(Wrong::new("max_steps", "must be at least 1"));
        }
        let zone = TimeZone::parse("UTC").unwrap_or_default();
        Ok(Program { wanted: Wanted::by(program.info()), program, max_steps: max_steps.unwrap_or(MAX_STEPS), zone })
    }

    /// Runs over the line. When it does not end well, the line is as it was.
    pub fn run(&self, event: &mut Event<'_>, source: &str, scratch: &mut Scratch) -> Result<(), Ended> {
        scratch.target.value = Value::Object(self.wanted.read(event, source));
        let mut left = self.max_steps;
        let mut step = || match left.checked_sub(1) {
            Some(less) => {
                left = less;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        };
        let ended = scratch.runtime.resolve_with_control(&mut scratch.target, &self.program, &self.zone, &mut step);
        scratch.runtime.clear();
        match ended {
            Ok(_) => {}
            Err(Terminate::Interrupted) => {
                let message = format!("the program took more than {} steps (max_steps)", self.max_steps);
                return Err(Ended::Failed("too_many_steps", message));
            }
            Err(Terminate::Abort(vrl::compiler::ExpressionError::Abort { message, .. })) => {
                return Err(Ended::Aborted(message));
            }
            Err(Terminate::Abort(error) | Terminate::Error(error)) => {
                return Err(Ended::Failed("runtime", error.to_string()));
            }
        }
        let value = std::mem::replace(&mut scratch.target.value, Value::Null);
        self.wanted.write(value, event).map_err(|message| Ended::Failed("bad_result", message))
    }
}

/// The types that the compiler may rely on.
fn kind_of_event() -> Kind {
    let texts = || Kind::object(Collection::from_unknown(Kind::bytes().or_undefined()));
    Kind::object(
        Collection::empty()
            .with_known("message", Kind::bytes())
            .with_known("timestamp", Kind::timestamp())
            .with_known("labels", texts())
            .with_known("metadata", texts())
            .with_known("severity", Kind::bytes().or_null())
            .with_known("tenant", Kind::bytes())
            .with_known("source", Kind::bytes()),
    )
}

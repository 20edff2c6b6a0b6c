//! [`Wanted`]: which parts of a line a program names, and how they become values.

use crate::event::Event;
use crate::level::level_of;
use chrono::DateTime;
use vrl::compiler::ProgramInfo;
use vrl::path::{OwnedSegment, OwnedTargetPath, PathPrefix};
use vrl::prelude::{ObjectMap, Value};

/// Parts that are converted. The others are absent from the event, which the program cannot notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub message: bool,
    pub timestamp: bool,
    pub labels: bool,
    pub metadata: bool,
    pub tenant: bool,
    pub source: bool,
    pub severity: bool,
    /// The program may leave fields of other names.
    pub others: bool,
}

impl Wanted {
    pub fn by(info: &ProgramInfo) -> Self {
        let mut wanted = Wanted::default();
        for path in info.target_queries.iter().chain(&info.target_assignments) {
            wanted.add(path);
        }
        wanted
    }

    fn add(&mut self, path: &OwnedTargetPath) {
        if path.prefix != PathPrefix::Event {
            return;
        }
        let Some(OwnedSegment::Field(name)) = path.path.segments.first() else {
            *self = Wanted {
                message: true,
                timestamp: true,
                labels: true,
                metadata: true,
                tenant: true,
                source: true,
                severity: true,
                others: true,
            };
            return;
        };
        match name.as_str() {
            "message" => self.message = true,
            "timestamp" => self.timestamp = true,
            "labels" => self.labels = true,
            "metadata" => self.metadata = true,
            "tenant" => self.tenant = true,
            "source" => self.source = true,
            "severity" => self.severity = true,
            _ => {
                self.others = true;
                // Other fields end up there.
                self.metadata = true;
            }
        }
    }

    pub fn read(&self, event: &Event<'_>, source: &str) -> ObjectMap {
        let mut root = ObjectMap::new();
        let mut put = |wanted: bool, name: &str, value: &dyn Fn() -> Value| {
            if wanted {
                root.insert(name.into(), value());
            }
        };
        put(self.message, "message", &|| text(&event.body));
        put(self.timestamp, "timestamp", &|| Value::Timestamp(DateTime::from_timestamp_nanos(event.at.nanos())));
        put(self.labels, "labels", &|| object(event.labels.iter()));
        put(self.metadata, "metadata", &|| object(event.metadata.iter()));
        put(self.tenant, "tenant", &|| text(event.tenant.as_str()));
        put(self.source, "source", &|| text(source));
        put(self.severity, "severity", &|| level_of(event).map_or(Value::Null, |level| text(level.as_str())));
        root
    }
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn object<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> Value {
    Value::Object(pairs.map(|(name, value)| (name.as_ref().into(), text(value.as_ref()))).collect())
}

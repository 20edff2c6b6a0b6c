//! The kinds of lines. Each writes one body from a moment, a request and chance.
//!
//! No body holds a line break; a stack trace is several lines, as a container runtime would see it.

mod java;
mod json;
mod logfmt;
mod scene;
mod text;
mod web;
mod wide;

pub use scene::Scene;

use super::Profile;
use super::world::Family;
use std::fmt::Write;

/// A line for the drawn stream, or for its standard error, and the lines that follow it directly.
#[derive(Debug, Default)]
pub struct Emitted {
    pub stderr: bool,
    pub body: String,
    pub follow: Vec<String>,
}

impl Emitted {
    fn out(body: String) -> Self {
        Emitted { body, ..Emitted::default() }
    }
}

/// Writes a line of the kind that fits the stream's service.
pub fn write(scene: &mut Scene<'_>, profile: Profile) -> Emitted {
    match profile {
        Profile::Natural => natural(scene),
        Profile::Json => Emitted::out(wide::write(scene)),
    }
}

fn natural(scene: &mut Scene<'_>) -> Emitted {
    if scene.place().container == "sidecar" {
        return Emitted::out(web::proxy(scene));
    }
    let roll = scene.rng.below(100);
    match scene.world.services[scene.place().service].family {
        Family::Web if roll < 88 => Emitted::out(web::access(scene)),
        Family::Web => Emitted::out(web::upstream_trouble(scene)),
        Family::Java => java::write(scene, roll),
        Family::Go if roll < 55 => Emitted::out(json::request(scene)),
        Family::Go if roll < 85 => Emitted::out(logfmt::request(scene)),
        Family::Go => Emitted::out(logfmt::pool(scene)),
        Family::Node if roll < 60 => Emitted::out(json::event(scene)),
        Family::Node if roll < 90 => Emitted::out(json::audit(scene)),
        Family::Node => Emitted { stderr: true, body: text::node_warning(scene), follow: Vec::new() },
        Family::Python => Emitted::out(text::python(scene)),
        Family::Database => Emitted::out(text::database(scene)),
        Family::Cache => Emitted::out(text::cache(scene)),
        Family::Queue => Emitted::out(logfmt::consumer(scene)),
        Family::Controller => Emitted::out(text::controller(scene)),
        Family::Batch => Emitted::out(text::batch(scene)),
    }
}

/// A line that says `word`, in the words of an operator. The word stands alone between blanks.
pub fn note(scene: &mut Scene<'_>, profile: Profile, word: &str) -> String {
    if profile == Profile::Json {
        return wide::note(scene, word);
    }
    let mut body = String::new();
    let user = scene.request.user;
    let _ = match scene.rng.below(3) {
        0 => {
            write!(body, "{} WARN  switch {word} was turned by operator u-{user} after a manual review", scene.at.iso())
        }
        1 => write!(
            body,
            r#"{{"ts":"{}","level":"warn","msg":"canary {word} left the pool","by":"u-{user}"}}"#,
            scene.at.iso()
        ),
        _ => write!(
            body,
            r#"ts={} level=warn msg="quarantined shard {word} until the next sweep" by=u-{user}"#,
            scene.at.iso()
        ),
    };
    body
}

/// An instant within the hour that the corpus covers, 2024-05-14T10:00:00Z onwards.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub nanos: u64,
}

impl Moment {
    fn parts(self) -> (u64, u64, u64) {
        let seconds = self.nanos / 1_000_000_000;
        (seconds / 60 % 60, seconds % 60, self.nanos % 1_000_000_000)
    }

    /// `2024-05-14T10:03:07.123Z`
    pub fn iso(self) -> String {
        let (minute, second, nanos) = self.parts();
        format!("2024-05-14T10:{minute:02}:{second:02}.{:03}Z", nanos / 1_000_000)
    }

    /// `2024-05-14 10:03:07.123`, with the separator of the fraction that is asked for.
    pub fn spaced(self, fraction: char) -> String {
        let (minute, second, nanos) = self.parts();
        format!("2024-05-14 10:{minute:02}:{second:02}{fraction}{:03}", nanos / 1_000_000)
    }

    /// `14/May/2024:10:03:07 +0000`
    pub fn common(self) -> String {
        let (minute, second, _) = self.parts();
        format!("14/May/2024:10:{minute:02}:{second:02} +0000")
    }

    /// `0514 10:03:07.123456`
    pub fn klog(self) -> String {
        let (minute, second, nanos) = self.parts();
        format!("0514 10:{minute:02}:{second:02}.{:06}", nanos / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_within_the_hour() {
        let at = Moment { nanos: 187_123_456_789 };
        assert_eq!(at.iso(), "2024-05-14T10:03:07.123Z");
        assert_eq!(at.spaced(','), "2024-05-14 10:03:07,123");
        assert_eq!(at.common(), "14/May/2024:10:03:07 +0000");
        assert_eq!(at.klog(), "0514 10:03:07.123456");
    }
}

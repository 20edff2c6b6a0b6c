//! [`Sampler`]: a share of the lines, chosen by hash.

use crate::event::Event;
use crate::invalid::Wrong;
use crate::level::level_of;
use crate::options::{By, SampleOptions};
use gantry_model::Severity;
use xxhash_rust::xxh3::Xxh3;

#[derive(Debug)]
pub(crate) struct Sampler {
    /// Hashes up to here are kept; `None` keeps nothing.
    most: Option<u64>,
    by: By,
    keep_level: Option<Severity>,
}

impl Sampler {
    pub fn new(options: &SampleOptions) -> Result<Self, Wrong> {
        if !(0.0..=1.0).contains(&options.keep) {
            return Err(Wrong::new("sample", format!("keep is a share from 0 to 1, not {}", options.keep)));
        }
        let most = (options.keep > 0.0).then_some((options.keep * u64::MAX as f64) as u64);
        Ok(Sampler { most, by: options.by.clone(), keep_level: options.keep_level })
    }

    pub fn keeps(&self, event: &Event<'_>) -> bool {
        let chosen = self.most.is_some_and(|most| group(&self.by, event) <= most);
        chosen || self.keep_level.is_some_and(|least| level_of(event).is_some_and(|level| level >= least))
    }
}

/// The hash of what the line shares with others.
pub(crate) fn group(by: &By, event: &Event<'_>) -> u64 {
    let mut hash = Xxh3::new();
    match by {
        By::Tenant => hash.update(event.tenant.as_str().as_bytes()),
        By::Stream => stream(event, &mut hash),
        By::Line => line(event, &mut hash),
        // Of the value alone: a trace that crosses tenants and streams is kept or dropped as a whole.
        By::Key(name) => match event.field(name) {
            Some(value) if !value.is_empty() => hash.update(value.as_bytes()),
            _ => line(event, &mut hash),
        },
    }
    hash.digest()
}

fn stream(event: &Event<'_>, hash: &mut Xxh3) {
    hash.update(event.tenant.as_str().as_bytes());
    hash.update(&event.labels.stream_id().0.to_le_bytes());
}

fn line(event: &Event<'_>, hash: &mut Xxh3) {
    stream(event, hash);
    hash.update(&event.at.nanos().to_le_bytes());
    hash.update(event.body.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Metadata;
    use crate::testing::event;

    fn sampler(keep: f64, by: &str, keep_level: Option<Severity>) -> Sampler {
        Sampler::new(&SampleOptions { keep, by: By::from(by.to_owned()), keep_level }).unwrap()
    }

    #[test]
    fn about_the_share_is_kept_and_the_same_lines_every_time() {
        let sampler = sampler(0.25, "line", None);
        let lines: Vec<String> = (0..4000).map(|n| format!("line {n}")).collect();
        let kept = || lines.iter().filter(|line| sampler.keeps(&event(line))).count();
        assert!((900..1100).contains(&kept()), "{}", kept());
        assert_eq!(kept(), kept());
    }

    #[test]
    fn nothing_and_everything_are_shares_too() {
        assert!(!sampler(0.0, "line", None).keeps(&event("x")));
        assert!(sampler(1.0, "line", None).keeps(&event("x")));
        assert!(Sampler::new(&SampleOptions { keep: 1.5, ..SampleOptions::default() }).is_err());
    }

    #[test]
    fn lines_of_a_trace_share_their_fate_and_errors_are_kept() {
        let sampler = sampler(0.5, "trace_id", Some(Severity::Error));
        let mut kept = 0;
        for trace in 0..200 {
            let encoded = format!(r#"{{"trace_id":"{trace:032x}"}}"#);
            let of_trace = |body| {
                let mut event = event(body);
                event.metadata = Metadata::Encoded(&encoded);
                sampler.keeps(&event)
            };
            assert_eq!(of_trace("first"), of_trace("second"));
            assert!(of_trace("level=error boom"));
            kept += usize::from(of_trace("first"));
        }
        assert!((60..140).contains(&kept), "{kept}");
    }
}

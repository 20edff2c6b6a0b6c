//! When a row of a stream can lie in two sources at once. Sources that follow one another in time overlap a little where one
//! ends and the next begins, so these are short times, one for each pair of neighbours.

use gantry_model::Timestamp;

/// Time spans of each stream in the sources that hold it.
pub struct Spans(Vec<Vec<(Timestamp, Timestamp)>>);

/// Times of one stream at which two sources overlap: both ends inclusive, apart from one another, in order.
#[derive(Debug, Default)]
pub struct Contested(Vec<(Timestamp, Timestamp)>);

impl Spans {
    pub fn new(streams: usize) -> Self {
        Spans(vec![Vec::new(); streams])
    }

    /// `stream` is in a source from `min` to `max`, both inclusive.
    pub fn add(&mut self, stream: u32, min: Timestamp, max: Timestamp) {
        self.0[stream as usize].push((min, max));
    }

    /// What is contested of each stream.
    pub fn contested(self) -> Vec<Contested> {
        self.0.into_iter().map(Contested::of).collect()
    }
}

impl Contested {
    fn of(mut spans: Vec<(Timestamp, Timestamp)>) -> Self {
        spans.sort_unstable();
        let mut found: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut latest: Option<Timestamp> = None;
        for (min, max) in spans {
            // What began before reaches to `latest` without a gap from `min` on.
            if let Some(before) = latest.filter(|latest| min <= *latest) {
                let to = before.min(max);
                match found.last_mut() {
                    Some(last) if min <= last.1 => last.1 = last.1.max(to),
                    _ => found.push((min, to)),
                }
            }
            latest = latest.max(Some(max));
        }
        Contested(found)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn holds(&self, at: Timestamp) -> bool {
        let next = self.0.partition_point(|(_, to)| *to < at);
        self.0.get(next).is_some_and(|(from, _)| *from <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contested(spans: &[(i64, i64)]) -> Contested {
        Contested::of(spans.iter().map(|(min, max)| (Timestamp(*min), Timestamp(*max))).collect())
    }

    #[test]
    fn neighbours_contest_only_where_they_meet() {
        let found = contested(&[(0, 11), (10, 21), (20, 31), (40, 50)]);
        assert_eq!(found.0, [(10, 11), (20, 21)].map(|(from, to)| (Timestamp(from), Timestamp(to))));
    }

    proptest! {
        #[test]
        fn a_time_is_contested_when_two_sources_have_it(spans in proptest::collection::vec((0i64..30, 0i64..12), 0..8)) {
            let spans: Vec<(i64, i64)> = spans.into_iter().map(|(min, len)| (min, min + len)).collect();
            let found = contested(&spans);
            for at in -1..45 {
                let count = spans.iter().filter(|(min, max)| *min <= at && at <= *max).count();
                prop_assert_eq!(found.holds(Timestamp(at)), count > 1, "{} in {:?}", at, spans);
            }
            prop_assert!(found.0.windows(2).all(|two| two[0].1 < two[1].0));
        }
    }
}

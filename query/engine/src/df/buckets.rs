//! [`Buckets`]: counting lines per group and step without looking at labels.

use super::window::{Bucket, Window};

/// What is summed for each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Lines,
    Bytes,
}

/// One counter per group and step, kept as differences between neighbouring steps: a line costs two additions however
/// many steps see it.
#[derive(Clone, Debug)]
pub struct Buckets {
    window: Window,
    width: usize,
    lines: Vec<i64>,
    /// Empty unless bytes are measured.
    bytes: Vec<i64>,
}

impl Buckets {
    pub fn new(window: Window, groups: usize, measure: Measure) -> Self {
        let width = window.count + 1;
        let bytes = if measure == Measure::Bytes { vec![0; groups * width] } else { Vec::new() };
        Buckets { window, width, lines: vec![0; groups * width], bytes }
    }

    /// Bytes that [`Buckets::new`] would take.
    pub fn size(window: &Window, groups: usize, measure: Measure) -> usize {
        let arrays = if measure == Measure::Bytes { 2 } else { 1 };
        groups * (window.count + 1) * size_of::<i64>() * arrays
    }

    /// Counts rows; `groups` gives the group of each stream number.
    pub fn count(&mut self, groups: &[u32], streams: &[u32], times: &[i64]) {
        let mut bucket = Bucket::NONE;
        for (stream, time) in streams.iter().zip(times) {
            if !bucket.holds(*time) {
                bucket = self.window.bucket(*time);
            }
            let row = groups[*stream as usize] as usize * self.width;
            self.lines[row + bucket.steps.start] += 1;
            self.lines[row + bucket.steps.end] -= 1;
        }
    }

    /// Counts rows and the bytes of their bodies, given as the views of a string view array.
    pub fn count_bytes(&mut self, groups: &[u32], streams: &[u32], times: &[i64], bodies: &[u128]) {
        self.count(groups, streams, times);
        let mut bucket = Bucket::NONE;
        for ((stream, time), view) in streams.iter().zip(times).zip(bodies) {
            if !bucket.holds(*time) {
                bucket = self.window.bucket(*time);
            }
            // The low 32 bits of a view are the length; the text itself is not touched.
            let length = i64::from(*view as u32);
            let row = groups[*stream as usize] as usize * self.width;
            self.bytes[row + bucket.steps.start] += length;
            self.bytes[row + bucket.steps.end] -= length;
        }
    }

    /// Adds what another partition counted.
    pub fn merge(&mut self, other: &Buckets) {
        self.lines.iter_mut().zip(&other.lines).for_each(|(ours, theirs)| *ours += theirs);
        self.bytes.iter_mut().zip(&other.bytes).for_each(|(ours, theirs)| *ours += theirs);
    }

    /// For each step the sum of a group, where it saw lines.
    pub fn group(&self, group: usize) -> Vec<Option<f64>> {
        let row = group * self.width..(group + 1) * self.width;
        let lines: Vec<i64> = running_sums(&self.lines[row.clone()]).take(self.window.count).collect();
        let sums = match self.bytes.get(row) {
            Some(bytes) => running_sums(bytes).take(self.window.count).collect(),
            None => lines.clone(),
        };
        lines.iter().zip(sums).map(|(lines, sum)| (*lines > 0).then_some(sum as f64)).collect()
    }
}

fn running_sums(differences: &[i64]) -> impl Iterator<Item = i64> {
    differences.iter().scan(0, |sum, difference| {
        *sum += difference;
        Some(*sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::StringViewArray;
    use gantry_model::Timestamp;

    #[test]
    fn lines_and_bytes_are_summed_per_group_and_step() {
        let window = Window { start: Timestamp(10), step: 10, count: 3, range: 20, offset: 0 };
        let mut buckets = Buckets::new(window, 2, Measure::Bytes);
        let bodies = StringViewArray::from(vec!["a", "bb", "a text of more than twelve bytes"]);
        buckets.count_bytes(&[0, 1, 0], &[0, 1, 2], &[10, 10, 15], bodies.views());
        buckets.merge(&buckets.clone());
        assert_eq!(buckets.group(0), [Some(2.0), Some(66.0), Some(64.0)]);
        assert_eq!(buckets.group(1), [Some(4.0), Some(4.0), None]);
    }
}

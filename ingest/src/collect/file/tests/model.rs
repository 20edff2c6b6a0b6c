//! Any order of writes, rotations, looks and crashes: every line is stored once, and in order, whether or not it is joined
//! to another. (Among a file, its copy and
//! its successor within the same tick of the file system's clock, order can not be told.)

use super::*;
use crate::collect::file::watch::Watch;
use crate::collect::testing::metrics;
use crate::multiline::MultilineOptions;
use gantry_model::{Clock, ManualClock, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    /// The start of a line; the next write completes it.
    WritePart,
    Rename,
    /// After some lines that nobody has seen. Of a file that was seen with some content: a copy is known by that.
    CopyTruncate(usize),
    Discover,
    /// Reads, stores and commits.
    Collect,
    /// Reads and stores, and ends before the commit.
    StoreAndCrash,
    Crash,
}

struct World {
    yard: Yard,
    clock: Arc<ManualClock>,
    watch: Watch,
    written: usize,
    rotations: usize,
    stored: BTreeSet<(i64, String)>,
}

impl World {
    fn new() -> Self {
        let yard = Yard::new();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1)));
        let watch = Self::watch(&yard, &clock);
        let mut world = World { yard, clock, watch, written: 0, rotations: 0, stored: BTreeSet::new() };
        world.step(&Step::Write(1));
        world.step(&Step::Discover);
        world.step(&Step::Collect);
        world
    }

    fn watch(yard: &Yard, clock: &Arc<ManualClock>) -> Watch {
        let multiline =
            MultilineOptions { wait: Duration::from_millis(30), max_lines: 2, ..MultilineOptions::default() };
        let options = FileOptions { batch_bytes: 120, turn_bytes: 40, multiline, ..yard.options(&["*.log"]) };
        Watch::new(options, clock.clone() as Arc<dyn Clock>, metrics().of("model")).unwrap()
    }

    fn step(&mut self, step: &Step) {
        self.clock.advance(Duration::from_millis(10));
        let live = self.yard.at("app.log");
        match step {
            Step::Write(lines) => {
                let lines = self.written..self.written + lines;
                write(&live, lines.clone().map(|n| text(n) + "\n").collect::<String>());
                self.written = lines.end;
            }
            Step::WritePart => {
                let line = text(self.written) + "\n";
                write(&live, &line[..3]);
                self.step(&Step::Collect);
                write(&live, &line[3..]);
                self.written += 1;
            }
            Step::Rename => {
                let rotated = self.next_rotation();
                let _ = std::fs::rename(&live, &rotated);
                self.wait_for_tick(&rotated);
                write(&live, "");
            }
            Step::CopyTruncate(lines) => {
                self.step(&Step::Write(1));
                self.step(&Step::Discover);
                self.step(&Step::Write(*lines));
                std::fs::copy(&live, self.next_rotation()).unwrap();
                File::options().write(true).open(&live).unwrap().set_len(0).unwrap();
                // Nothing tells an empty file that was filled again from one that went on, unless somebody looks.
                self.step(&Step::Collect);
            }
            Step::Discover => self.watch.discover(),
            Step::Collect => {
                let gathered = self.store();
                self.watch.commit(&gathered);
            }
            Step::StoreAndCrash => {
                self.store();
                self.step(&Step::Crash);
            }
            Step::Crash => {
                self.watch = Self::watch(&self.yard, &self.clock);
                self.watch.discover();
            }
        }
    }

    /// Until the file system's clock is past the last change of `path`, so that its successor is told from it.
    fn wait_for_tick(&self, path: &Path) {
        let changed = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
        let probe = self.yard.at("probe");
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        loop {
            write(&probe, "x");
            if changed(&probe) > changed(path) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "the clock of the file system stands still");
            std::thread::yield_now();
        }
    }

    fn next_rotation(&mut self) -> PathBuf {
        self.rotations += 1;
        self.yard.at(&format!("app.log.{}", self.rotations))
    }

    fn store(&mut self) -> crate::collect::file::gather::Gathered {
        let gathered = self.watch.gather();
        self.watch.save();
        for row in gathered.batch.rows() {
            self.stored.insert((row.timestamp.nanos(), gathered.batch.body(row).to_owned()));
        }
        gathered
    }

    /// Looks until nothing comes any more.
    fn settle(&mut self) {
        for _ in 0..20 + self.written {
            self.step(&Step::Discover);
            self.step(&Step::Collect);
        }
    }
}

/// Of every three lines the second is indented: it belongs to the first.
fn text(number: usize) -> String {
    format!("{}line {number}", if number % 3 == 1 { "  " } else { "" })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..9).prop_map(Step::Write),
        1 => Just(Step::WritePart),
        3 => Just(Step::Rename),
        1 => (0usize..9).prop_map(Step::CopyTruncate),
        3 => Just(Step::Discover),
        6 => Just(Step::Collect),
        2 => Just(Step::StoreAndCrash),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_stored_once_and_in_order(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        let copied = steps.iter().any(|step| matches!(step, Step::CopyTruncate(_)));
        let mut bodies: Vec<&str> = world.stored.iter().flat_map(|(_, body)| body.split('\n')).collect();
        let mut expected: Vec<String> = (0..world.written).map(text).collect();
        if copied {
            bodies.sort();
            expected.sort();
        }
        prop_assert_eq!(bodies, expected);
    }
}

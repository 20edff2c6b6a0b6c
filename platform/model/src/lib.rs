//! Words of the platform: what its parts say to each other.
//!
//! Pure data with checks. It never does I/O, never reads a clock, and decides nothing. Start with [`ScalePolicy`].

mod policy;

pub use policy::{Behavior, Direction, MetricSpec, Period, RateKind, RatePolicy, ScalePolicy, Select, Target, ToZero};

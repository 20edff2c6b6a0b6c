//! What can be told of lines that nobody described: their level, and the fields inside them.

mod fields;
mod level;

pub use fields::{DetectedField, FieldDetector, FieldType};
pub use level::{detected_level, level_of_labels, level_of_line};

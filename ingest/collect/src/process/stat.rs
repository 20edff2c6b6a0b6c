//! [`Stat`]: one line of `/proc/PID/stat` (proc_pid_stat(5)).

use crate::error::CollectError;
use crate::roots::{Roots, entries, is_number, text};

/// Times are in ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub pid: u32,
    pub parent: u32,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// Of this process and of its children that ended.
    pub ticks: u64,
    pub threads: u64,
    pub start_ticks: u64,
    pub virtual_bytes: u64,
    pub resident_pages: u64,
}

/// The process of a directory of `/proc`: a number, or `self`.
pub(super) fn read(roots: &Roots, directory: &str) -> Result<Stat, CollectError> {
    let path = roots.proc(directory).join("stat");
    let text = text(&path)?;
    parse(&text).ok_or_else(|| CollectError::malformed(&path, format!("{text:?}")))
}

/// All processes; those that end meanwhile are left out.
pub(super) fn all(roots: &Roots) -> Vec<Stat> {
    let names = entries(&roots.proc).unwrap_or_default();
    names.iter().filter(|name| is_number(name)).filter_map(|pid| read(roots, pid).ok()).collect()
}

/// The name may hold anything, blanks and parentheses too: it ends at the last `)`.
fn parse(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    // Numbered as in the manual, where the state is the third.
    let at = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let sum = |numbers: [usize; 2]| Some(at(numbers[0])?.saturating_add(at(numbers[1])?));
    // Times of children can be negative for a moment.
    let mut ticks = (14..=17).map(|number| fields.get(number - 3).map(|field| field.parse::<u64>().unwrap_or(0)));
    Some(Stat {
        pid: head.split_once(' ')?.0.parse().ok()?,
        parent: u32::try_from(at(4)?).ok()?,
        minor_faults: sum([10, 11])?,
        major_faults: sum([12, 13])?,
        ticks: ticks.try_fold(0, |sum, ticks| Some(u64::saturating_add(sum, ticks?)))?,
        threads: at(20)?,
        start_ticks: at(22)?,
        virtual_bytes: at(23)?,
        resident_pages: at(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9() a-z-]{0,200}") {
            let _ = parse(&text);
        }
    }
}

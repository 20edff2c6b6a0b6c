//! Encoded labels that are known to be whole: reading them, and the order of the label sets that they stand for.

use gantry_model::LabelSet;
use std::cmp::Ordering;

/// What ends a name and a value, see `gantry_model::metric::EncodedLabels`.
const END: u8 = 0xff;

/// Names and values in order of names.
pub(crate) fn pairs(bytes: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = bytes.split(|byte| *byte == END).map(|part| std::str::from_utf8(part).unwrap_or_default());
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
}

pub(crate) fn to_set(bytes: &[u8]) -> LabelSet {
    pairs(bytes).collect()
}

/// As the label sets compare: the end of a name or value comes before all that it could go on with.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    // Labels begin alike: eight bytes at a time until they differ.
    let alike = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    let (a, b) = (&a[alike..], &b[alike..]);
    let rank = |byte: u8| byte.wrapping_add(1);
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

/// Which series it is within a shard.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_compare_as_the_sets(
            a in proptest::collection::btree_map("[ab]{1,9}", "[ab]{1,9}", 0..3),
            b in proptest::collection::btree_map("[ab]{1,9}", "[ab]{1,9}", 0..3),
            shared in "[ab]{0,9}",
        ) {
            let with = |pairs: std::collections::BTreeMap<String, String>| {
                LabelSet::from_pairs(pairs.into_iter().chain([("a".to_owned(), shared.clone())]))
            };
            let (a, b) = (with(a), with(b));
            let bytes = |set: &LabelSet| { let mut bytes = Vec::new(); set.encode(&mut bytes); bytes };
            prop_assert_eq!(compare(&bytes(&a), &bytes(&b)), a.cmp(&b));
            prop_assert_eq!(to_set(&bytes(&a)), a);
        }
    }
}

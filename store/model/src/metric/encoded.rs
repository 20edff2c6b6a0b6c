//! [`EncodedLabels`]: a label set as bytes, so that a known series is found without building anything.

use crate::{LabelSet, StreamId};

/// Labels sorted by name, each name once, none empty: every name and every value followed by the byte 0xff, which UTF-8
/// never holds. Equal label sets have equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedLabels<'a>(pub(super) &'a [u8]);

/// What ends a name and a value.
pub(super) const END: u8 = 0xff;

impl<'a> EncodedLabels<'a> {
    /// `None` unless the bytes are as described above.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let encoded = EncodedLabels(bytes);
        let complete = bytes.last().is_none_or(|last| *last == END);
        let parts = bytes.split(|byte| *byte == END).count().saturating_sub(1);
        let text = bytes.split(|byte| *byte == END).all(|part| std::str::from_utf8(part).is_ok());
        if !complete || parts % 2 != 0 || !text {
            return None;
        }
        let sorted = encoded.iter().zip(encoded.iter().skip(1)).all(|((a, _), (b, _))| a < b);
        (sorted && encoded.iter().all(|(_, value)| !value.is_empty())).then_some(encoded)
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Names and values in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut parts = self.0.split(|byte| *byte == END).map(|part| std::str::from_utf8(part).unwrap_or_default());
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find_map(|(n, value)| (n == name).then_some(value))
    }

    pub fn to_labels(&self) -> LabelSet {
        self.iter().collect()
    }

    /// The same as that of the [`LabelSet`].
    pub fn series_id(&self) -> StreamId {
        StreamId(xxhash_rust::xxh3::xxh3_128(self.0))
    }
}

impl std::fmt::Debug for EncodedLabels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_labels().fmt(f)
    }
}

impl LabelSet {
    /// Appends the bytes of [`EncodedLabels`].
    pub fn encode(&self, into: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            push_pair(into, name, value);
        }
    }
}

pub(super) fn push_pair(into: &mut Vec<u8>, name: &str, value: &str) {
    push_bytes(into, name.as_bytes(), value.as_bytes());
}

/// The same; both must be UTF-8.
#[inline]
pub(super) fn push_bytes(into: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    into.reserve(name.len() + value.len() + 2);
    into.extend_from_slice(name);
    into.push(END);
    into.extend_from_slice(value);
    into.push(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_survive_a_round_trip_with_their_identity() {
        let labels = LabelSet::from_pairs([("__name__", "up"), ("job", "näh"), ("a", "x")]);
        let mut bytes = Vec::new();
        labels.encode(&mut bytes);
        let encoded = EncodedLabels::new(&bytes).unwrap();
        assert_eq!(encoded.to_labels(), labels);
        assert_eq!(encoded.series_id(), labels.stream_id());
        assert_eq!(encoded.get("job"), Some("näh"));
        assert_eq!(encoded.get("jo"), None);
    }

    #[test]
    fn bytes_that_are_no_labels_are_refused() {
        for bytes in [
            &b"a"[..],
            b"a\xff",
            b"a\xffb",
            b"a\xff\xff",
            b"b\xff1\xffa\xff2\xff",
            b"a\xff1\xffa\xff2\xff",
            b"a\xff\xc3\xff",
        ] {
            assert_eq!(EncodedLabels::new(bytes), None, "{bytes:?}");
        }
        assert!(EncodedLabels::new(b"").unwrap().to_labels().is_empty());
    }
}

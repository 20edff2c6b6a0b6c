//! [`PairSet`]: which pairs of neighbouring bytes occur in the strings of a column, more or less: enough to say that a
//! literal is in none of them.

use crate::error::BodyError;
use crate::numbers::Input;
use crate::strings::Texts;

/// All pairs of bytes, as bits.
const ALL: usize = 1 << 16;
/// Most bits that are stored; a fuller set says less, and a larger one would cost more than it spares.
const MOST_BITS: usize = 2048;

/// A set of pairs of bytes, each by a bit of a hash. It never denies a pair that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairSet<B> {
    /// 2^n bytes from 4 on, or none for a set without a pair.
    bits: B,
}

impl PairSet<Vec<u8>> {
    /// The pairs in the texts.
    pub fn of(texts: &Texts) -> Self {
        let mut seen = vec![0u64; ALL / 64];
        let mut pairs: Vec<u16> = Vec::new();
        for text in texts.iter() {
            for pair in text.windows(2) {
                let pair = u16::from_le_bytes([pair[0], pair[1]]);
                let (word, bit) = (usize::from(pair) / 64, 1 << (pair % 64));
                if seen[word] & bit == 0 {
                    seen[word] |= bit;
                    pairs.push(pair);
                }
            }
        }
        if pairs.is_empty() {
            return PairSet { bits: Vec::new() };
        }
        // At most some 60 % of the bits are set, so that four pairs of a literal pass one time in eight at worst.
        let bits = (pairs.len() * 3 / 2).next_power_of_two().clamp(32, MOST_BITS);
        let mut set = PairSet { bits: vec![0; bits / 8] };
        for pair in pairs {
            let (byte, bit) = place(pair, bits);
            set.bits[byte] |= bit;
        }
        set
    }

    /// Appends the bytes that [`PairSet::read`] takes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(if self.bits.is_empty() { 0 } else { self.bits.len().ilog2() as u8 });
        out.extend_from_slice(&self.bits);
    }
}

impl<'a> PairSet<&'a [u8]> {
    /// # Errors
    /// The bytes are no such set.
    pub fn read(input: &mut Input<'a>) -> Result<Self, BodyError> {
        let len = match input.byte()? {
            0 => 0,
            power @ 2..=8 => 1 << power,
            _ => return Err(BodyError::Malformed("a set of pairs has no such size")),
        };
        Ok(PairSet { bits: input.take(len)? })
    }

    /// The set whose bits were read before.
    pub fn from_bits(bits: &'a [u8]) -> Self {
        PairSet { bits }
    }

    pub fn bits(&self) -> &'a [u8] {
        self.bits
    }
}

/// The pairs of a literal that is looked for in many columns.
#[derive(Clone, Debug)]
pub struct Pairs(Vec<u32>);

impl Pairs {
    pub fn of(literal: &[u8]) -> Self {
        Pairs(literal.windows(2).map(|pair| hash(u16::from_le_bytes([pair[0], pair[1]]))).collect())
    }
}

impl<B: AsRef<[u8]>> PairSet<B> {
    /// False when no text of the column holds the literal; true says nothing.
    pub fn can_hold(&self, literal: &[u8]) -> bool {
        self.can_hold_all(literal.windows(2).map(|pair| hash(u16::from_le_bytes([pair[0], pair[1]]))))
    }

    /// As [`PairSet::can_hold`], of a literal whose pairs are known.
    pub fn can_hold_pairs(&self, pairs: &Pairs) -> bool {
        self.can_hold_all(pairs.0.iter().copied())
    }

    fn can_hold_all(&self, mut hashes: impl Iterator<Item = u32>) -> bool {
        let bits = self.bits.as_ref();
        hashes.all(|hash| {
            let (byte, bit) = place_of(hash, bits.len() * 8);
            bits.get(byte).is_some_and(|bits| bits & bit != 0)
        })
    }
}

/// Fibonacci hashing: a product, whose high bits count.
fn hash(pair: u16) -> u32 {
    u32::from(pair).wrapping_mul(0x9e37_79b1)
}

/// Byte and bit of a pair in a set of `bits` bits.
fn place(pair: u16, bits: usize) -> (usize, u8) {
    place_of(hash(pair), bits)
}

fn place_of(hash: u32, bits: usize) -> (usize, u8) {
    let at = ((u64::from(hash) * bits as u64) >> 32) as usize;
    (at / 8, 1 << (at % 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(of: &[String]) -> Texts {
        let mut texts = Texts::default();
        of.iter().for_each(|text| texts.push(text.as_bytes()));
        texts
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(of in proptest::collection::vec("[a-f0-9 ]{0,12}", 0..40), pick in any::<prop::sample::Index>(), cut in 0usize..12) {
            let set = PairSet::of(&texts(&of));
            let mut bytes = Vec::new();
            set.write(&mut bytes);
            let read = PairSet::read(&mut Input(&bytes)).unwrap();
            if !of.is_empty() {
                let text = pick.get(&of).as_bytes();
                let part = &text[cut.min(text.len())..];
                prop_assert!(read.can_hold(part) && set.can_hold(part));
                prop_assert!(read.can_hold_pairs(&Pairs::of(part)));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_mostly_denied() {
        let set = PairSet::of(&texts(&["info".into(), "warn".into(), "debug".into()]));
        assert!(!set.can_hold(b"error") && set.can_hold(b"deb"));
        assert!(!PairSet::of(&texts(&["x".into()])).can_hold(b"xx"));
    }
}

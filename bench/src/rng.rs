//! A seeded source of numbers that gives the same sequence on every machine and in every version.

/// xoshiro256** by Blackman and Vigna (public domain), seeded through SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Rng([next(), next(), next(), next()])
    }

    pub fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let answer = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let carried = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= carried;
        s[3] = s[3].rotate_left(45);
        answer
    }

    /// Below `bound`, which must not be 0. The bias of the multiplication is below 2^-32 for the bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// In `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// A latency in microseconds: log-normal in shape, around `median`, with a long tail.
    pub fn latency(&mut self, median: f64) -> u64 {
        let bell: f64 = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        (median * (bell * 1.3).exp()) as u64 + 1
    }
}

/// Ranks `0..n` where rank k is drawn in proportion to `1 / (k + 1)^exponent`.
#[derive(Clone, Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    pub fn new(n: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let cumulative: Vec<f64> = (1..=n)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        Zipf(cumulative.into_iter().map(|at| at / sum).collect())
    }

    pub fn draw(&self, rng: &mut Rng) -> usize {
        let at = rng.unit();
        self.0.partition_point(|edge| *edge < at).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut two) = (Rng::new(7), Rng::new(7));
        assert!((0..100).all(|_| one.next() == two.next()));
        assert_ne!(Rng::new(1).next(), Rng::new(2).next());
    }

    #[test]
    fn the_first_rank_is_drawn_most_often() {
        let (zipf, mut rng) = (Zipf::new(50, 1.0), Rng::new(1));
        let mut seen = [0u32; 50];
        (0..10_000).for_each(|_| seen[zipf.draw(&mut rng)] += 1);
        assert!(seen[0] > seen[1] && seen[1] > seen[10] && seen[10] > seen[49]);
    }
}

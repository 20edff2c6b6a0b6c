//! A request that all services agree on, because it follows from its number.

/// What happened to one pretended customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub trace: String,
    pub customer: u64,
    pub product: &'static str,
    pub cents: u64,
    pub millis: u64,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Bought,
    OnlyLooked,
    CardDeclined,
    BankTimeout,
}

const PRODUCTS: [&str; 6] = ["signal-lamp", "rail-spike", "conductor-cap", "brake-shoe", "platform-bell", "timetable"];

/// Ticks of a wave of requests: five minutes.
const WAVE: u64 = 1200;

/// The last minute of a wave, in which the bank is out.
const OUTAGE: u64 = 960;

/// The requests of a tick: one, and up to four when a wave is at its height.
pub fn at(tick: u64) -> impl Iterator<Item = Request> {
    let into = tick % WAVE;
    let height = into.min(WAVE - into) * 4 / (WAVE / 2);
    let bank_is_out = into >= OUTAGE;
    (0..height.clamp(1, 4)).map(move |nth| Request::new(tick * 4 + nth, bank_is_out))
}

impl Request {
    pub fn new(number: u64, bank_is_out: bool) -> Self {
        let mut random = Random(number);
        let trace = format!("{:016x}{:016x}", random.next(), random.next());
        let timeouts = if bank_is_out { 30 } else { 2 };
        let outcome = match random.below(100) {
            chance if chance < timeouts => Outcome::BankTimeout,
            0..=39 => Outcome::Bought,
            40..47 => Outcome::CardDeclined,
            _ => Outcome::OnlyLooked,
        };
        let slow = if outcome == Outcome::BankTimeout { 3000 } else { 0 };
        Request {
            trace,
            customer: 1000 + random.below(500),
            product: PRODUCTS[random.below(PRODUCTS.len() as u64) as usize],
            cents: 199 + random.below(9000),
            millis: slow + 3 + random.below(40) * random.below(10),
            outcome,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

//! Starts the real binary, talks to it, and always stops it.
//!
//! [`Launch`] holds a data directory and how to start on it; [`Server`] is one run of the binary; [`client`] speaks
//! Loki's API. A run whose log holds a warning or an error that the test did not expect fails the test.

mod alertmanager;
pub mod client;
mod disk;
mod hook;
mod prometheus;
mod server;
mod tail;
mod wait;

pub use alertmanager::DebianAlertmanager;
pub use client::Loki;
pub use disk::SmallDisk;
pub use hook::{Hook, Posted};
pub use prometheus::Prometheus;
pub use server::{Launch, Server, free_port};
pub use tail::Tail;
pub use wait::{eventually, now_ns};

/// Numbers for tests that must hold at any moment: seeded by `GANTRY_SEED`, which is printed.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        let seed = std::env::var("GANTRY_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(now_ns);
        println!("GANTRY_SEED={seed}");
        Chance(seed | 1)
    }

    /// Below `bound`; xorshift64*.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// A program of the tests' Python environment: `$GANTRY_VENV/bin/NAME`, by default `target/test-venv`, which `./test.sh setup` makes.
pub fn venv(program: &str) -> std::path::PathBuf {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = std::env::var_os("GANTRY_VENV").map_or_else(|| root.join("target/test-venv"), std::path::PathBuf::from);
    let path = venv.join("bin").join(program);
    assert!(
        path.exists(),
        "{} is missing: run ./test.sh setup, or install tests/gantry/py/requirements.txt into an environment and name it by GANTRY_VENV",
        path.display()
    );
    path
}

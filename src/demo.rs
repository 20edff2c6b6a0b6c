//! Three pretended services for people who have no logs at hand yet.
//!
//! They run as real child processes and print to standard output. All three derive the same requests from the clock, so
//! that a trace id seen in one is found in the others. Every five minutes there is a wave of requests, and for one minute the bank
//! is out: alerts fire and end, and a policy of scaling has something to decide ([`signals`]). Never here: collecting what they print.

mod lines;
mod request;
pub mod signals;

use clap::ValueEnum;
use gantry_model::{Clock, SystemClock};
use std::io::{self, Write};
use std::time::Duration;

/// Requests come at this distance, one or several.
const TICK: Duration = Duration::from_millis(250);

/// One of the pretended services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Prints JSON
    Shop,
    /// Prints logfmt
    Payments,
    /// Prints access log lines
    Gateway,
}

impl Service {
    pub const ALL: [Service; 3] = [Service::Shop, Service::Payments, Service::Gateway];

    pub fn name(self) -> &'static str {
        match self {
            Service::Shop => "shop",
            Service::Payments => "payments",
            Service::Gateway => "gateway",
        }
    }
}

/// Prints lines until nobody reads them any more.
pub fn run(service: Service) -> io::Result<()> {
    let mut tick = ticks_so_far();
    loop {
        let mut out = io::stdout().lock();
        for request in request::at(tick) {
            for line in lines::of(service, &request) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        drop(out);
        tick += 1;
        while ticks_so_far() < tick {
            std::thread::sleep(TICK / 5);
        }
    }
}

fn ticks_so_far() -> u64 {
    u64::try_from(i128::from(SystemClock.now().nanos()) / TICK.as_nanos() as i128).unwrap_or(0)
}

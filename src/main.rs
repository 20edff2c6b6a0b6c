//! The program: chooses the allocator and the cryptography, then hands over to [`gantry::cli`].

use std::process::ExitCode;

/// Settings are compiled in, see `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Fails only when a provider is there already, and then there is nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    gantry::cli::main()
}

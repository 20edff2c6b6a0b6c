#!/usr/bin/env bash
# Sets up and starts Gantry: builds it, then runs it with three pretended services. Flags go to `gantry up`.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
missing() { printf 'start.sh: %s is missing.\n  %s\n' "$1" "$2" >&2; exit 1; }

command -v cargo >/dev/null || missing "cargo" "Install Rust: https://rustup.rs (curl https://sh.rustup.rs -sSf | sh)"
command -v cc >/dev/null || missing "a C compiler" "On Debian or Ubuntu: sudo apt-get install -y gcc libc6-dev make"
command -v make >/dev/null || missing "make" "On Debian or Ubuntu: sudo apt-get install -y make"

target="${CARGO_TARGET_DIR:-target}"
if [ ! -x "$target/release/gantry" ]; then
    say "Building Gantry. The first time takes about a quarter of an hour on 2 cores: a query engine is compiled from source. Later, seconds."
else
    say "Building what changed."
fi
# The whole workspace, so that the tests find the same dependencies built.
cargo build --release --locked --workspace --bin gantry

say "Starting. Stop with Ctrl-C; data stays in ./data."
exec "$target/release/gantry" up --demo "$@"

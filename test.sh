#!/usr/bin/env bash
# Sets up and tests Gantry on a fresh Debian 12 or anything newer. Everything is built once, with the one profile.
#
#   ./test.sh            all steps
#   ./test.sh STEP...    some of: setup fmt deny clippy unit integration fuzz
#
# GANTRY_CONFORMANCE   directory that holds logql/ with the conformance cases, default ../shared/conformance; it must exist
# CARGO_TARGET_DIR     where to build, default target
set -euo pipefail
cd "$(dirname "$0")"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export GANTRY_CONFORMANCE="${GANTRY_CONFORMANCE:-$PWD/../shared/conformance}"
export GANTRY_VENV="${GANTRY_VENV:-$CARGO_TARGET_DIR/test-venv}"
tools="$CARGO_TARGET_DIR/test-tools"
export PATH="$tools/bin:$PATH"

say() { printf '\n\033[1m== %s\033[0m (%s)\n' "$*" "$(date +%T)"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        die "needs root for: $*"
    fi
}

# Installs without questions and without starting services: the tests start their own rsyslogd, on ports of their own.
# A policy that the machine has already is its owner's business and stays.
install_packages() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    fi
    had_rsyslog=$(command -v /usr/sbin/rsyslogd || true)
    had_node_exporter=$(command -v prometheus-node-exporter || true)
    had_prometheus=$(command -v prometheus || true)
    had_alertmanager=$(command -v prometheus-alertmanager || true)
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
    # Nor at the next boot, when it came with this.
    if [ -z "$had_rsyslog" ] && [ -x /usr/sbin/rsyslogd ] && command -v systemctl >/dev/null; then
        as_root systemctl disable -q rsyslog.service
    fi
    if [ -z "$had_node_exporter" ] && [ -x /usr/bin/prometheus-node-exporter ] && command -v systemctl >/dev/null; then
        as_root systemctl disable -q prometheus-node-exporter.service
    fi
    if [ -z "$had_prometheus" ] && [ -x /usr/bin/prometheus ] && command -v systemctl >/dev/null; then
        as_root systemctl disable -q prometheus.service
    fi
    if [ -z "$had_alertmanager" ] && [ -x /usr/bin/prometheus-alertmanager ] && command -v systemctl >/dev/null; then
        as_root systemctl disable -q prometheus-alertmanager.service
    fi
)

setup() {
    local packages=()
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    command -v c++ >/dev/null || packages+=(g++)
    command -v make >/dev/null || packages+=(make)
    command -v curl >/dev/null || packages+=(curl ca-certificates)
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
    [ -e /lib/systemd/systemd-journal-upload ] || packages+=(systemd-journal-remote)
    command -v prometheus-node-exporter >/dev/null || packages+=(prometheus-node-exporter)
    command -v prometheus >/dev/null || packages+=(prometheus)
    command -v prometheus-alertmanager >/dev/null || packages+=(prometheus-alertmanager)
    [ -e /usr/lib/"$(uname -m)"-linux-gnu/rsyslog/omelasticsearch.so ] || packages+=(rsyslog rsyslog-elasticsearch)
    if [ ${#packages[@]} -gt 0 ]; then
        say "installing ${packages[*]}"
        install_packages "${packages[@]}"
    fi
    command -v cargo >/dev/null || die "cargo is missing; install Rust: https://rustup.rs"
    if ! cmp -s tests/gantry/py/requirements.txt "$GANTRY_VENV/installed"; then
        say "Python environment: OpenTelemetry SDK, SeaweedFS, clients of the doors"
        mkdir -p "$CARGO_TARGET_DIR"
        python3 -m venv "$GANTRY_VENV"
        "$GANTRY_VENV/bin/pip" install -q -r tests/gantry/py/requirements.txt
        cp tests/gantry/py/requirements.txt "$GANTRY_VENV/installed"
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
    # Advisories need a database from the network; `cargo deny check` without arguments asks for it, too.
    say "licences, bans, sources"
    cargo deny --locked check bans licenses sources
}

clippy() {
    say "lints"
    cargo clippy --release --locked --workspace --all-targets -- -D warnings
}

# Every selection is of the whole workspace: a part of it would resolve other features and build the dependencies again.
unit() {
    say "unit and contract tests, conformance of the language and its evaluation"
    cargo test --release --locked --workspace --lib --bins \
        --test conformance --test language --test robustness --test semantics --test 'promql*' --test promtool --test hpa --test any_input --test limits --test same_answers
}

# The scenarios fail, and do not skip, when a server or the conformance cases are missing.
integration() {
    [ -f "$GANTRY_CONFORMANCE/logql/cases.jsonl" ] ||
        die "no conformance cases at $GANTRY_CONFORMANCE; set GANTRY_CONFORMANCE to the directory that holds logql/"
    say "the real binary: tests/gantry"
    cargo test --release --locked --workspace --test gantry
}

fuzz() {
    say "decoders and parsers against random input, briefly"
    fuzz/run.sh "${FUZZ_SECONDS:-10}"
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(setup fmt deny clippy unit integration fuzz)
for step in "${steps[@]}"; do
    case "$step" in
        setup | fmt | deny | clippy | unit | integration | fuzz) "$step" ;;
        *) die "no such step: $step" ;;
    esac
done
say "all good"

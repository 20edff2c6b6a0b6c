#!/usr/bin/env bash
# The whole benchmark: builds what is missing, measures, prints a table.
#   bench/run.sh [--lines N] [--profile json] [--server BIN] [--work DIR] [more options of `gantry-bench run`]
#   bench/run.sh metrics [--alone] [--server BIN] [--work DIR] [more options of `gantry-bench metrics`]
# The corpus is kept in the working directory (default: target/bench) and generated when missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
server=""
what=run
tools=(zstd grep bash)
if [ "${1:-}" = metrics ]; then
  what=metrics
  tools=(prometheus victoria-metrics)
  shift
fi
work=$target/bench
rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=${2:?--server needs a path}; shift 2 ;;
    --work) work=${2:?--work needs a directory}; shift 2 ;;
    -h | --help) sed -n '2,5s/^# \?//p' "$0"; exit 0 ;;
    --alone) tools=(); rest+=("$1"); shift ;;
    *) rest+=("$1"); shift ;;
  esac
done

for tool in "${tools[@]}"; do
  command -v "$tool" > /dev/null || { echo "bench: $tool is not installed" >&2; exit 69; }
done

cd "$root"
cargo build --release --locked --workspace --bin gantry-bench
if [ -z "$server" ]; then
  cargo build --release --locked --workspace --bin gantry
  server=$target/release/gantry
fi
mkdir -p "$work"
exec "$target/release/gantry-bench" "$what" --server "$server" --work "$work" "${rest[@]}"

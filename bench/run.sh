#!/usr/bin/env bash
# The whole benchmark: builds what is missing, measures, prints a table.
#   bench/run.sh [--lines N] [--profile json] [--server BIN] [--work DIR] [more options of `gantry-bench run`]
# The corpus is kept in the working directory (default: target/bench) and generated when missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
server=""
work=$target/bench
rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=${2:?--server needs a path}; shift 2 ;;
    --work) work=${2:?--work needs a directory}; shift 2 ;;
    -h | --help) sed -n '2,4s/^# \?//p' "$0"; exit 0 ;;
    *) rest+=("$1"); shift ;;
  esac
done

for tool in zstd grep bash; do
  command -v "$tool" > /dev/null || { echo "bench: $tool is not installed" >&2; exit 69; }
done

cd "$root"
cargo build --release --locked --workspace --bin gantry-bench
if [ -z "$server" ]; then
  cargo build --release --locked --workspace --bin gantry
  server=$target/release/gantry
fi
mkdir -p "$work"
exec "$target/release/gantry-bench" run --server "$server" --work "$work" "${rest[@]}"

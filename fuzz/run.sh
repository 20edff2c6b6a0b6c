#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while: fuzz/run.sh [SECONDS [TARGET...]], default 10 seconds each.
# Needs the stable toolchain and g++ only: coverage comes from flags that stable has, libFuzzer is compiled from its sources.
# Inputs that crash a target are kept in fuzz/artifacts/TARGET/; what is learned, in fuzz/corpus/TARGET/ (not committed).
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-10}
shift || true
target_dir=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# As cargo-fuzz sets them, without the sanitizers: there is no unsafe code of ours that they could watch.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"

# Naming the target keeps the flags away from build scripts and macros.
CARGO_TARGET_DIR=$target_dir cargo build --release --target "$host"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  mkdir -p "corpus/$target" "artifacts/$target" "seeds/$target"
  "$target_dir/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    -print_final_stats=0 -verbosity=0 -artifact_prefix="artifacts/$target/" "corpus/$target" "seeds/$target"
done
echo "no target failed"

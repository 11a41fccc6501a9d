#!/usr/bin/env bash
# Figure 4: the searched blocks, drawn: the shared block, and every block of the full space.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '2 minutes' '2 GPU days' 'search share and full, draw what they found'

for space in share full; do
    run="$ROOT/table1_$space-1"
    words="$(flags "table1_$space")"
    searched "$run" python train/search.py $words --seed 1 --run "$run"
    for kind in pdf svg png dot; do
        python tools/plot_blocks.py "$run" -o "$ROOT/figure4_$space.$kind"
    done
done
ls "$ROOT"/figure4_*

#!/usr/bin/env bash
# Table 3: with and without split training and pretraining, W and λ 1:1 and 4:1, in both spaces.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '12 minutes' '1 GPU day a search, 2 GPU days a retraining, eight of each' 'search and retrain eight variants'

for seed in $(seq 1 "$SEEDS"); do
    for space in full share; do
        for variant in nopretrain split ratio4 nosplit; do
            row "table3_${space}_$variant" "$seed"
        done
    done
done
python tools/make_tables.py "$ROOT" --table 3 --seeds "$SEEDS" -o "$ROOT/table3.md" "$ROOT/table3.csv" "$ROOT/table3.tex"
cat "$ROOT/table3.md"

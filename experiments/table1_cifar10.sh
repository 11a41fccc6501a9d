#!/usr/bin/env bash
# Table 1: DSO-NAS-share and -full on CIFAR-10, and random architectures of the same spaces at the same budget.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '5 minutes' '2 GPU days for the searches, 8 GPU days for retraining four networks' 'search and retrain share and full, retrain a random architecture of each'

for seed in $(seq 1 "$SEEDS"); do
    for space in share full; do
        row "table1_$space" "$seed"
        retrained "$ROOT/table1_$space-$seed/retrain-random-$seed" \
            python train/retrain.py --run "$ROOT/table1_$space-$seed" --random "$seed"
    done
done
python tools/make_tables.py "$ROOT" --table 1 --seeds "$SEEDS" -o "$ROOT/table1.md" "$ROOT/table1.csv" "$ROOT/table1.tex"
cat "$ROOT/table1.md"

#!/usr/bin/env bash
# Table 2: DSO-NAS-share and -full searched on ImageNet, and the shared block of CIFAR-10 on the ImageNet network (DSO-NAS*).
# CIFAR: a run of table1_cifar10.sh whose block is transferred; at smoke scale one is searched here.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '5 minutes' '6 GPU days a search, 20 GPU days a retraining' 'search and retrain share and full, retrain the block transferred from CIFAR-10'

for seed in $(seq 1 "$SEEDS"); do
    row table2_share "$seed"
    row table2_full "$seed"
    cifar="${CIFAR:-$ROOT/table1_share-$seed}"
    if [ "$SCALE" = smoke ]; then
        words="$(flags table1_share)"
        searched "$cifar" python train/search.py $words --seed "$seed" --run "$cifar"
    fi
    words="$(flags table2_transfer)"
    retrained "$ROOT/table2_transfer-$seed" python train/retrain.py $words --seed "$seed" \
        --architecture "$cifar/architecture.json" --run "$ROOT/table2_transfer-$seed"
done
python tools/make_tables.py "$ROOT" --table 2 --seeds "$SEEDS" -o "$ROOT/table2.md" "$ROOT/table2.csv" "$ROOT/table2.tex"
cat "$ROOT/table2.md"

#!/usr/bin/env bash
# Figure 6: error against memory access cost, with and without adaptive MAC, at several γ.
# GAMMAS: the γ to search with.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
GAMMAS="${GAMMAS:-$([ "$SCALE" = smoke ] && echo '0.015 0.03' || echo '0.0005 0.001 0.002')}"
plan '6 minutes' '3 GPU days for each γ, twice' "search and retrain with and without adaptive MAC, γ $GAMMAS"

for seed in $(seq 1 "$SEEDS"); do
    for gamma in $GAMMAS; do
        for variant in mac constant; do
            run="$ROOT/$variant-$gamma-$seed"
            words="$(flags "figure6_$variant")"
            searched "$run" python train/search.py $words --seed "$seed" --run "$run" --set "search.gamma=$gamma"
            retrained "$run" python train/retrain.py --run "$run" --set retrain.budget=none
        done
    done
done
python tools/plot_flops.py "$ROOT" --against mac -o "$ROOT/figure6.pdf"
ls "$ROOT"/figure6*

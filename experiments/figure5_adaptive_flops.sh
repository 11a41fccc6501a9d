#!/usr/bin/env bash
# Figure 5: FLOPs of every block with and without adaptive FLOPs (a), and error against FLOPs (b) and parameters (c) at several γ.
# GAMMAS: the γ to search with.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
GAMMAS="${GAMMAS:-$([ "$SCALE" = smoke ] && echo '0.015 0.03' || echo '0.0005 0.001 0.002')}"
plan '6 minutes' '3 GPU days for each γ, twice' "search and retrain with and without adaptive FLOPs, γ $GAMMAS"

for seed in $(seq 1 "$SEEDS"); do
    for gamma in $GAMMAS; do
        for variant in flops constant; do
            run="$ROOT/$variant-$gamma-$seed"
            words="$(flags "figure5_$variant")"
            searched "$run" python train/search.py $words --seed "$seed" --run "$run" --set "search.gamma=$gamma"
            retrained "$run" python train/retrain.py --run "$run" --set retrain.budget=none
        done
    done
done
gamma="${GAMMAS%% *}"
python tools/plot_flops.py "$ROOT/flops-$gamma-1" "$ROOT/constant-$gamma-1" -o "$ROOT/figure5a.pdf"
python tools/plot_flops.py "$ROOT" --against flops -o "$ROOT/figure5b.pdf"
python tools/plot_flops.py "$ROOT" --against params -o "$ROOT/figure5c.pdf"
ls "$ROOT"/figure5*

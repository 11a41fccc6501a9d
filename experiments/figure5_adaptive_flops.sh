#!/usr/bin/env bash
# Figure 5: FLOPs of every block with and without adaptive FLOPs (a), and error against FLOPs (b) and parameters (c) at several γ.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '6 minutes' '3 GPU days for each γ, twice' "search and retrain with and without adaptive FLOPs, γ $GAMMAS"

with_and_without figure5 flops
gamma="${GAMMAS%% *}"
python tools/plot_flops.py "$ROOT/flops-$gamma-1" "$ROOT/constant-$gamma-1" -o "$ROOT/figure5a.pdf"
python tools/plot_flops.py "$ROOT" --against flops -o "$ROOT/figure5b.pdf"
python tools/plot_flops.py "$ROOT" --against params -o "$ROOT/figure5c.pdf"
ls "$ROOT"/figure5*

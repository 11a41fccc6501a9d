#!/usr/bin/env bash
# Figure 6: error against memory access cost, with and without adaptive MAC, at several γ.
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
plan '6 minutes' '3 GPU days for each γ, twice' "search and retrain with and without adaptive MAC, γ $GAMMAS"

with_and_without figure6 mac
python tools/plot_flops.py "$ROOT" --against mac -o "$ROOT/figure6.pdf"
ls "$ROOT"/figure6*

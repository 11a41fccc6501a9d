#!/usr/bin/env bash
# Every table and figure in turn, and with them every row of Tables 1 to 3 that is not another method's.
# Takes what the recipes take (python tools/run_experiment.py --help); ROOT is a folder with one for each recipe in it.
set -euo pipefail
cd "$(dirname "$0")/.."
for recipe in table1_cifar10 table2_imagenet table3_ablation figure4_blocks figure5_adaptive_flops figure6_adaptive_mac; do
    ROOT="${ROOT:+$ROOT/$recipe}" bash "experiments/$recipe.sh" "$@"
done

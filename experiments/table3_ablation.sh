#!/usr/bin/env bash
# Table 3: with and without split training and pretraining, W and λ 1:1 and 4:1, in both spaces.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py table3_ablation "$@"

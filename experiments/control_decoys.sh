#!/usr/bin/env bash
# Does the search choose? Search in a space with noise operations, then train what it found and a random architecture of equal size.
# Ends with the edges that were kept, by operation, and searched against random. A seed takes about ten minutes on two cores.
#   SEEDS=5 bash experiments/control_decoys.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
ROOT="${ROOT:-runs/control_decoys}"

for seed in $(seq 1 "${SEEDS:-1}"); do
    run="$ROOT/seed-$seed"
    searched "$run" python train/search.py --preset control_decoys --seed "$seed" --run "$run"
    retrained "$run" python train/retrain.py --run "$run"
    retrained "$run/retrain-random-$seed" python train/retrain.py --run "$run" --random "$seed"
done
python tools/compare.py "$ROOT"

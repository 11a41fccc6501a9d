#!/usr/bin/env bash
# The whole method on the embedded digits: pretrain, search, derive, retrain, three random ones of equal size beside it,
# then pictures, a table and a report. About five minutes on two idle CPU cores. Run again, it goes on where it stopped.
#   RUN=runs/other SEED=1 bash experiments/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT="${RUN:-runs/quickstart}" exec python tools/run_experiment.py quickstart --seed "${SEED:-0}" "$@"

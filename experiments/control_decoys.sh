#!/usr/bin/env bash
# Does the search choose? Search in a space with noise operations, then train what it found and a random architecture of equal size.
# Ends with the edges that were kept, by operation, and searched against random. A seed takes about five minutes on two cores.
#   SEEDS=5 bash experiments/control_decoys.sh
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py control_decoys "$@"

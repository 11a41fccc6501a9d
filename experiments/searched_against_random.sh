#!/usr/bin/env bash
# Is what a search finds better than chance? Searches of several seeds, and beside each a random architecture of as many edges, all at equal
# parameters and FLOPs. A seed takes about seven minutes on two cores; below eight seeds chance explains most differences.
#   SEEDS=8 bash experiments/searched_against_random.sh
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py searched_against_random "$@"

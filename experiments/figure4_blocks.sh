#!/usr/bin/env bash
# Figure 4: the searched blocks, drawn: the shared block, and every block of the full space.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py figure4_blocks "$@"

#!/usr/bin/env bash
# Figure 5: FLOPs of every block with and without adaptive FLOPs (a), and error against FLOPs (b) and parameters (c) at several γ.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py figure5_adaptive_flops "$@"

#!/usr/bin/env bash
# Figure 6: error against memory access cost, with and without adaptive MAC, at several γ.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py figure6_adaptive_mac "$@"

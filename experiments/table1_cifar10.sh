#!/usr/bin/env bash
# Table 1: DSO-NAS-share and -full on CIFAR-10, and random architectures of the same spaces at the same budget.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py table1_cifar10 "$@"

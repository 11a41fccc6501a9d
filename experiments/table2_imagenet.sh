#!/usr/bin/env bash
# Table 2: DSO-NAS-share and -full searched on ImageNet, and the shared block of CIFAR-10 on the ImageNet network (DSO-NAS*).
# CIFAR: a run of table1_cifar10.sh whose block is transferred; at smoke scale one is searched here.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python tools/run_experiment.py table2_imagenet "$@"

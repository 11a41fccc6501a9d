#!/usr/bin/env bash
# The whole method on the embedded digits: pretrain, search, derive, retrain, a random architecture of equal size beside it,
# then pictures and a table. About a quarter of an hour on two CPU cores. Run again, it goes on where it stopped.
#   RUN=runs/other SEED=1 bash experiments/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source experiments/steps.sh
RUN="${RUN:-runs/quickstart}"
SEED="${SEED:-0}"

searched "$RUN" python train/search.py --preset quickstart --seed "$SEED" --run "$RUN"
retrained "$RUN" python train/retrain.py --run "$RUN"
retrained "$RUN/retrain-random-1" python train/retrain.py --run "$RUN" --random 1

python tools/plot_blocks.py "$RUN" -o "$RUN/blocks.png"
python tools/plot_search.py "$RUN" -o "$RUN/search.png"
echo
python tools/make_tables.py "$RUN" -o "$RUN/table.md" "$RUN/table.csv"
cat "$RUN/table.md"
echo
echo "$RUN: architecture.json, summary.json, blocks.png, search.png, table.md"

#!/usr/bin/env bash
# The whole method on the embedded digits: pretrain, search, derive, retrain, a random architecture of equal size beside it,
# then pictures and a table. About ten minutes on two CPU cores. Run again, it goes on where it stopped.
#   RUN=runs/other SEED=1 bash experiments/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"  # one process on two cores; more threads than free cores make a step many times slower
RUN="${RUN:-runs/quickstart}"
SEED="${SEED:-0}"

step() {  # DONE-FILE WHAT COMMAND...: skipped when its result is there, resumed when it was stopped half-way
    local done="$1" what="$2"
    shift 2
    if python -c 'import json, sys; sys.exit("'"$what"'" not in json.load(open(sys.argv[1])))' "$done" 2>/dev/null; then
        echo "== there already: $done"
        return
    fi
    local directory
    directory="$(dirname "$done")"
    if [ -n "$(ls "$directory/checkpoints" 2>/dev/null | grep "${what/test_error/retrain}" || true)" ]; then
        set -- "$@" --resume
    fi
    echo "== $*"
    "$@"
}

step "$RUN/summary.json" search python train/search.py --preset quickstart --seed "$SEED" --run "$RUN"
step "$RUN/summary.json" test_error python train/retrain.py --run "$RUN"
step "$RUN/retrain-random-1/summary.json" test_error python train/retrain.py --run "$RUN" --random 1

python tools/plot_blocks.py "$RUN" -o "$RUN/blocks.png"
python tools/plot_search.py "$RUN" -o "$RUN/search.png"
echo
python tools/make_tables.py "$RUN" -o "$RUN/table.md" "$RUN/table.csv"
cat "$RUN/table.md"
echo
echo "$RUN: architecture.json, summary.json, blocks.png, search.png, table.md"

# What the recipes share: a step is skipped when its result is there, and resumed when it was stopped half-way.

export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"  # one process on two cores; more threads than free cores make a step many times slower

_step() {  # KEY-OF-SUMMARY STAGE RUN COMMAND...
    local key="$1" stage="$2" run="$3"
    shift 3
    if python -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])).get(sys.argv[2]) is None)' "$run/summary.json" "$key" 2>/dev/null; then
        echo "== there already: $run, $stage"
        return
    fi
    if compgen -G "$run/checkpoints/$stage*.ckpt" >/dev/null; then
        set -- "$@" --resume
    fi
    echo "== $*"
    "$@"
}

searched() { local run="$1"; shift; _step search '[ps]' "$run" "$@"; }           # RUN COMMAND...: stages 1 and 2

retrained() { local run="$1"; shift; _step test_error retrain "$run" "$@"; }     # RUN COMMAND...: stage 3

# What the recipes share. A step is skipped when its result is there, and resumed when it was stopped half-way.
#
#   SCALE=smoke (default): embedded data, a small space, two CPU cores, minutes.   SCALE=paper: the paper's settings; needs the data and GPUS.
#   SEEDS=n: seeds 1 to n.   ROOT: where the runs go.
#   GAMMAS: the γ that a figure compares.
#   DATA_CIFAR10, DATA_IMAGENET: folders of the data (SCALE=paper); unset: gluon's place, $MXNET_HOME/datasets/{cifar10,imagenet}.
#   GPUS=0-7: devices (SCALE=paper).

export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"  # one process on two cores; more threads than free cores make a step many times slower
SCALE="${SCALE:-smoke}"
SEEDS="${SEEDS:-1}"
ROOT="${ROOT:-runs/$(basename "$0" .sh)-$SCALE}"
GAMMAS="${GAMMAS:-$([ "$SCALE" = smoke ] && echo '0.015 0.03' || echo '0.0005 0.001 0.002')}"
case "$SCALE" in smoke | paper) ;; *) echo "SCALE=$SCALE: accepted are smoke and paper" >&2; exit 2 ;; esac

plan() {  # SMOKE-TIME PAPER-TIME TEXT: what will run, and how long it should take
    echo "== $(basename "$0"): $3"
    echo "== SCALE=$SCALE SEEDS=$SEEDS, runs in $ROOT; about $([ "$SCALE" = smoke ] && echo "$1" || echo "$2") a seed"
}

flags() {  # PRESET: command-line flags of a row at this scale
    if [ "$SCALE" = smoke ]; then
        echo "--preset $1 --config experiments/configs/scale_smoke.yaml"
        case "$1" in *nopretrain) echo "--set pretrain.epochs=0" ;; esac
    else
        case "$1" in
            table2*) echo "--preset $1${DATA_IMAGENET:+ --data-dir $DATA_IMAGENET}" ;;
            *) echo "--preset $1${DATA_CIFAR10:+ --data-dir $DATA_CIFAR10}" ;;
        esac
        [ -z "${GPUS:-}" ] || echo "--gpus $GPUS"
    fi
}

_step() {  # KEY-OF-SUMMARY STAGE RUN COMMAND...
    local key="$1" stage="$2" run="$3"
    shift 3
    if python -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])).get(sys.argv[2]) is None)' "$run/summary.json" "$key" 2>/dev/null; then
        echo "== there already: $run, $key"
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

row() {  # PRESET SEED [more flags of search.py]: search and retrain one row
    local preset="$1" seed="$2" run="$ROOT/$1-$2" words
    shift 2
    words="$(flags "$preset")"
    searched "$run" python train/search.py $words --seed "$seed" --run "$run" "$@"
    retrained "$run" python train/retrain.py --run "$run"
}

with_and_without() {  # FIGURE BUDGET: search and retrain with the budget in the penalty and without it, at each of GAMMAS
    local seed gamma variant run words
    for seed in $(seq 1 "$SEEDS"); do
        for gamma in $GAMMAS; do
            for variant in "$2" constant; do
                run="$ROOT/$variant-$gamma-$seed"
                words="$(flags "$1_$variant")"
                searched "$run" python train/search.py $words --seed "$seed" --run "$run" --set "search.gamma=$gamma"
                retrained "$run" python train/retrain.py --run "$run" --set retrain.budget=none
            done
        done
    done
}

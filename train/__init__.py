"""The three stages: pretrain the supernet, search by pruning it, retrain what is left.

Scripts: `fit.py`, `search.py`, `retrain.py` and `evaluate.py` parse a command line, call and print. What they call lies in rooms:

    config/      the settings: every key with its default (tree), presets, files and flags resolved (settings), the flags (flags)
    engine/      how training proceeds: the order of steps (loop), what happens around them (callbacks), one update (learner)
    searching/   stages 1 and 2: what they train (stages), γ (penalty), pruning (pruner), reports (diagnosis), the whole (pipeline)
    deriving/    stage 3: a derived network trained from scratch (retraining), and tested (evaluation)
    fitting/     all of it in one call, from data to an exported network; above the other rooms and the folders of tools/
    runtime/     where and how it runs: devices, workers, seeds, a run at work, what a resumed run needs, signals

A new setting is one line in config/tree.py, and where it acts. What a run leaves on disk is written and read by `runfiles`.
"""

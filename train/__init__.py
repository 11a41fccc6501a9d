"""The three stages: pretrain the supernet, search by pruning it, retrain what is left; and what a run writes down.

Where a change belongs:

    a new setting                    config.py (its line), then where it acts; settings.py only for how settings are read
    what a stage trains, on what     stages.py; what only search does between steps and epochs (γ, pruning, reports): pruning.py
    how a step is done               learner.py (gradients, devices, the two Trainers); the order of steps: loop.py
    losses                           losses.py
    measured times, in a run         latency.py
    testing a trained network        evaluation.py
    devices, machines                devices.py; dead workers: watchdog.py; signals and failures: stops.py
    what a resumed run needs         state.py (what is in it), checkpoint.py (how it lies on disk)
    what ties these together          run.py (a run at work), pipeline.py and retraining.py (what the entry points do)
    files of a run directory         rundir.py (paths, lock, JSON), runlog.py (log.csv, lambda.npz, progress, TensorBoard)
    the command line                 cli.py (flags); search.py, retrain.py, evaluate.py parse, call and print
"""

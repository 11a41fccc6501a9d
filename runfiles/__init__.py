"""One run directory: the files in it, written and read here.

- `rundir.py`      paths, lock, config.yaml, environment.json, summary.json
- `runlog.py`      log.csv, lambda.npz, the progress bar, TensorBoard
- `checkpoint.py`  checkpoints/
"""

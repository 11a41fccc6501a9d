"""Where and how a run runs.

- `devices.py`   CPUs, GPUs, several workers
- `exchange.py`  gradients summed over CPU devices and workers
- `watchdog.py`  ends all workers when one dies
- `seeds.py`     random streams from the one seed
- `facts.py`     what a run knows of its data
- `opening.py`   devices, data and run directory of a run, opened
- `run.py`       a run at work: its directory, log, checkpoints, what it says
- `starting.py`  weights taken from another run
- `state.py`     what a resumed run needs of networks and optimizers
- `progress.py`  what a run shows of itself, and the line of an epoch
- `time_left.py` how long a run will still take
- `events.py`    TensorBoard
- `stops.py`     signals, and trainings that failed
"""

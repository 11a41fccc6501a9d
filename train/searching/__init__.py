"""Stages 1 and 2: pretrain the supernet, then search by pruning it.

- `pipeline.py`  the whole: open data, devices and run directory, go through the stages, write the architecture
- `stages.py`    the three stages as data for the loop
- `pruning.py`   between two λ steps and after an epoch: γ of every λ (eq. 9 and 10), pruning for good, the smaller supernet, reports
- `latency.py`   measured times as what γ follows
"""

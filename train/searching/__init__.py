"""Stages 1 and 2: pretrain the supernet, then search by pruning it.

- `pipeline.py`   from an opened run to an architecture
- `stages.py`     the two stages as data for the loop
- `penalty.py`    γ of every λ before a λ step (eq. 9 and 10)
- `pruner.py`     pruning for good after an epoch, and the smaller supernet
- `board.py`      what TensorBoard shows of λ
- `diagnosis.py`  what people are told about a search
- `decisions.py`  when each edge was decided, and how far λ have parted, by group
- `spread.py`     the same in the log, and warnings where noise decides
- `latency.py`    measured times as what γ follows
"""

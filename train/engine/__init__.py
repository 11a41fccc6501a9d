"""How training proceeds, whatever is trained.

- `loop.py`           epochs of steps, each a data part and what is updated; figures, tests and checkpoints between them
- `learner.py`        one update: forward, backward, exchange, W or λ moved; evaluation in inference mode
- `losses.py`         cross entropy with label smoothing and the auxiliary classifier's
- `bn_statistics.py`  batch norm's running statistics: averaged over devices, settled before a supernet is tested
"""

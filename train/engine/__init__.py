"""How training proceeds, whatever is trained.

- `loop.py`           epochs of steps, each a data part and what is updated; calls the callbacks and knows none of them
- `stage.py`          a stage as data for the loop, and what all stages are made with
- `plan.py`           which batches and which updates the steps of a stage are, as functions of counts
- `checks.py`         what is checked before the first step of the first stage, for all of them
- `course.py`         where the training of a stage stands, as callbacks see it
- `callbacks.py`      the protocol, and the registry of the user's own
- `standard.py`       callbacks of every stage: tests, log, checkpoints, the line of an epoch
- `bar.py`            the line that shows how a stage goes, and what is left of it
- `figures.py`        loss and error over the steps of an epoch
- `learner.py`        one update: forward, backward, exchange, W or λ moved
- `testing.py`        loss and errors of a network over batches
- `averaging.py`      a moving average of weights, tested in their place
- `mixup.py`          images and labels mixed
- `patience.py`       the end of a retraining that no longer gets better
- `losses.py`         cross entropy with label smoothing and the auxiliary classifier's
- `bn_statistics.py`  batch norm's running statistics: averaged over devices, recomputed before a supernet is tested
- `names.py`          what a step updates, and what the stages are called
"""

"""Stage 3: what a search has left, trained from scratch, and tested.

- `stage.py`       the stage as data for the loop
- `retraining.py`  the width that meets a budget, then training
- `tested.py`      the images of a test as a network takes them, and what the test saw
- `evaluation.py`  a trained network tested: errors by class, predictions.npz
- `timing.py`      its latency
"""

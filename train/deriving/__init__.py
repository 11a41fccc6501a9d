"""Stage 3: what a search has left, trained from scratch, and tested.

- `retraining.py`  the width that meets a budget, then training
- `evaluation.py`  a trained network tested: errors by class, predictions.npz
"""

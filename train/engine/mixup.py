"""Mixup (`retrain.mixup`; Zhang et al., 2018): a network learns from weighted means of two images and of their labels.

A step draws the weight w ~ Beta(α, α), not below one half, and a permutation p of its images: x ← w x + (1 - w) x[p], and so the labels.
Both follow from seed, epoch and step; in a run of several workers each mixes the images that it has.
"""

from typing import Tuple

import numpy as np

from ..runtime import seeds


class Mixup:
    """Mixes the images of a step. alpha: α; classes: how many; rank: of this worker."""

    def __init__(self, alpha: float, seed: int, classes: int, rank: int = 0) -> None:
        self.alpha, self.seed, self.classes, self.rank = alpha, seed, classes, rank

    def __call__(self, x: np.ndarray, y: np.ndarray, epoch: int, step: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return (mixed images float32 (b, 3, H, W), shares of the classes float32 (b, classes)) of x and labels y (b,).

        A mixed image has the larger share of its own label, by which the training error counts it.
        """
        drawn = np.random.default_rng(seeds.derive(self.seed, 'mixup', epoch, step)).beta(self.alpha, self.alpha)
        weight = np.float32(max(drawn, 1 - drawn))
        order = np.random.default_rng(seeds.derive(self.seed, 'mixup', epoch, step, self.rank)).permutation(len(x))
        shares = np.zeros((len(y), self.classes), np.float32)
        rows = np.arange(len(y))
        shares[rows, y] = weight
        shares[rows, y[order]] += 1 - weight
        return (weight * x + (1 - weight) * x[order]).astype(np.float32, copy=False), shares

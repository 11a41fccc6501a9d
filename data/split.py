"""Stratified, seeded subsets of images: the W part and the lambda part of split training, `limit`, held-out sets.

Each class is divided in the same proportion, by largest remainders, so that the totals are exact as well.
"""

from typing import List, Tuple

import numpy as np
from numpy.typing import ArrayLike

from ..base.errors import UserError
from . import streams


def shares(counts: ArrayLike, total: int) -> np.ndarray:
    """Divide `total` among the classes in proportion to `counts`: int64 (classes,), whose sum is total.

    No class is asked for more than it has; if total allows it, each nonempty class gives at least one. Raises
    ValueError for a total outside of [0, counts.sum()].
    """
    counts = np.asarray(counts, dtype=np.int64)
    total = int(total)
    if not 0 <= total <= counts.sum():
        raise ValueError(f'cannot take {total} of {counts.sum()} images')
    if total == 0:
        return np.zeros_like(counts)
    exact = counts * (total / counts.sum())
    take = np.minimum(np.floor(exact + 1e-9).astype(np.int64), counts)
    order = np.argsort(-(exact - take), kind='stable')
    order = order[take[order] < counts[order]]
    while take.sum() < total:  # at most one round, but for rounding errors
        take[order[: total - take.sum()]] += 1
        order = order[take[order] < counts[order]]
    if total >= np.count_nonzero(counts):
        for empty in np.flatnonzero((take == 0) & (counts > 0)):
            take[np.argmax(take)] -= 1
            take[empty] += 1
    return take


def take(labels: ArrayLike, total: int, seed: int, purpose: int) -> np.ndarray:
    """Choose `total` images, stratified by label, by the stream (seed, purpose): sorted indices."""
    labels = np.asarray(labels)
    counts = np.bincount(labels)
    rng = streams.generator(seed, purpose)
    chosen = [
        rng.permutation(np.flatnonzero(labels == label))[:count] for label, count in enumerate(shares(counts, total))
    ]
    return np.sort(np.concatenate(chosen))


def limited(labels: ArrayLike, limit: int, seed: int) -> np.ndarray:
    """Choose at most `limit` images (0: all), stratified: sorted indices.

    Raises UserError if a class would be empty.
    """
    labels = np.asarray(labels)
    classes = len(np.unique(labels))
    if limit < 0:
        raise UserError(f'data.limit={limit}: 0 (all training images) or a positive number')
    if limit == 0 or limit >= len(labels):
        return np.arange(len(labels))
    if limit < classes:
        raise UserError(f'data.limit={limit} is fewer than one training image for each of the {classes} classes')
    return take(labels, limit, seed, streams.LIMIT)


def two_parts(
    labels: ArrayLike, fraction: float, seed: int, purpose: int = streams.SPLIT
) -> Tuple[np.ndarray, np.ndarray]:
    """Divide images into two disjoint, complete, stratified parts; the first holds `fraction` of each class.

    labels: (n,) integers. Returns two sorted index arrays. Every class of at least two images is in both parts; a
    single image goes to the first. Raises UserError for a fraction outside of (0, 1).
    """
    if not 0 < fraction < 1:
        raise UserError(f"data.split={fraction:g}: the W part's share of the training images, between 0 and 1")
    labels = np.asarray(labels)
    counts = np.bincount(labels)
    first = shares(counts, int(np.floor(fraction * len(labels) + 0.5)))
    first = np.clip(first, np.minimum(counts, 1), np.maximum(counts - 1, np.minimum(counts, 1)))
    rng = streams.generator(seed, purpose)
    parts: Tuple[List[np.ndarray], List[np.ndarray]] = ([], [])
    for label, count in enumerate(first):
        members = rng.permutation(np.flatnonzero(labels == label))
        parts[0].append(members[:count])
        parts[1].append(members[count:])
    one, other = (np.sort(np.concatenate(part)) if part else np.zeros(0, np.int64) for part in parts)
    return one, other

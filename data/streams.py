"""Random streams: one seed, one independent stream for each consumer and epoch, with random access.

An epoch's order and augmentation are functions of (seed, epoch, part) alone. The uniforms of the
sample at position p of an epoch come from Philox, a counter-based generator, advanced to p: nothing
before p needs to be drawn.
"""

from typing import Iterable

import numpy as np

ORDER, AUGMENT, SPLIT, LIMIT, HELD_OUT, RECORDS, EARLY = range(
    7
)  # purposes; streams of different purposes are independent

DRAWS = 16  # uniforms a sample: a multiple of 4, the words of one Philox counter step


def seeds(seed: int, purpose: int, *key: int) -> np.random.SeedSequence:
    """Return the SeedSequence of the stream (seed, purpose, key...), all nonnegative integers."""
    return np.random.SeedSequence([int(seed), purpose] + [int(k) for k in key])


def generator(seed: int, purpose: int, *key: int) -> np.random.Generator:
    """Return a numpy Generator of the stream (seed, purpose, key...)."""
    return np.random.Generator(np.random.Philox(seeds(seed, purpose, *key)))


def sample_draws(seed: int, purpose: int, key: Iterable[int], start: int, stop: int) -> np.ndarray:
    """Draw uniforms in [0, 1) for the samples at positions start..stop-1 of a stream: float64 (stop - start, DRAWS)."""
    bits = np.random.Philox(seeds(seed, purpose, *key))
    bits.advance(int(start) * (DRAWS // 4))
    return np.random.Generator(bits).random((stop - start, DRAWS))

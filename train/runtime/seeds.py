"""One seed for a run; every consumer of randomness derives its own stream from it, by name and position.

MXNet's generators (dropout, drop path, initial values) are set anew from (seed, consumer, position): what a step draws does not
depend on what was drawn before, so that a resumed run draws the same.
"""

import hashlib

import mxnet as mx
import numpy as np


def derive(seed: int, *names: object) -> int:
    """Derive a 31-bit number that depends on all of its arguments (ints and texts)."""
    text = '/'.join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode('utf-8')).digest()[:4], 'little') & 0x7FFFFFFF


def set_all(seed: int, *names: object) -> None:
    """Set MXNet's and numpy's global generators from (seed, names)."""
    number = derive(seed, *names)
    mx.random.seed(number)
    np.random.seed(number)

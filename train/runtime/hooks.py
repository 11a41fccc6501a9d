"""What a caller from Python adds to a stage, beside its Config: callbacks, a loss, how it is told, and how it goes on."""

import dataclasses
from typing import Any, Callable, Optional, Sequence

from .progress import Progress


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What a caller adds.

    callbacks: objects with the methods of engine/callbacks.BaseCallback, called after those that the configuration names; or functions
    of the Config that make one for each stage. loss: function of logits (B, K) and labels (B,), NDArrays, giving the loss of each image
    (B,), in the place of cross entropy; None: cross entropy. progress: what is told of a run, None for its usual lines. command: what
    resumes the run, as messages name it; '' for the script's. may_differ: keys that a run which goes on may set anew.
    """

    callbacks: Sequence[Any] = ()
    loss: Optional[Callable[[Any, Any], Any]] = None
    progress: Optional[Progress] = None
    command: str = ''
    may_differ: Sequence[str] = ()


NONE = Hooks()

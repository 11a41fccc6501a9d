"""Losses of the three stages, by image."""

from typing import Any, Callable, Optional, Tuple

import mxnet as mx


def cross_entropy(logits: Any, labels: Any, smoothing: float = 0.0) -> Any:
    """Cross entropy with targets (1 - s) onehot + s / K: logits (B, K), labels int (B,) or shares of the classes (B, K) -> (B,)."""
    log_p = mx.nd.log_softmax(logits, axis=-1)
    loss = -mx.nd.pick(log_p, labels, axis=-1) if labels.ndim == 1 else -mx.nd.sum(log_p * labels, axis=-1)
    if smoothing:
        loss = (1 - smoothing) * loss - smoothing * mx.nd.mean(log_p, axis=-1)
    return loss


class Loss:
    """Cross entropy, with label smoothing, plus `auxiliary` times the same of the auxiliary tower's logits where the network gives them.

    own: a function of logits (B, K) and labels (B,) giving the loss (B,), in the place of cross entropy.
    """

    def __init__(
        self, smoothing: float = 0.0, auxiliary: float = 0.0, own: Optional[Callable[[Any, Any], Any]] = None
    ) -> None:
        self.smoothing, self.auxiliary, self.own = smoothing, auxiliary, own

    def __call__(self, outputs: Any, labels: Any) -> Tuple[Any, Any]:
        """Return the loss to minimise (B,) and the logits. outputs: logits, or (logits, auxiliary logits)."""
        if not isinstance(outputs, (list, tuple)):
            return self._of(outputs, labels), outputs
        logits, side = outputs
        return self._of(logits, labels) + self.auxiliary * self._of(side, labels), logits

    def _of(self, logits: Any, labels: Any) -> Any:
        return self.own(logits, labels) if self.own else cross_entropy(logits, labels, self.smoothing)

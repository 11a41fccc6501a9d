"""NAG: Nesterov's accelerated gradient, the optimizer of W (section 3.3), with weight decay taken from the weight before the step.

MXNet 1.9.1's kernels, called in place as mx.optimizer.NAG calls them, add the decay of the weight that they have just written to
the momentum. Importing this module registers the optimizer with MXNet under the name 'exactnag'.
"""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np


@mx.optimizer.register
class ExactNAG(mx.optimizer.NAG):
    """The optimizer of W.

    Each update does, with η_t the learning rate (schedule and lr_mult included), μ the momentum and wd the weight decay (wd_mult
    included)::

        g   = clip(rescale_grad * ∇L(W_{t-1}), -clip_gradient, clip_gradient) + wd * W_{t-1}
        m_t = μ * m_{t-1} - η_t * g                                   # m_0 = 0
        W_t = W_{t-1} - μ * m_{t-1} + (1 + μ) * m_t                   # = W_{t-1} + μ * m_t - η_t * g

    mx.optimizer.NAG has the same W_t, but wd * W_t in the place of wd * W_{t-1} in m_t, so its next steps differ where wd is not 0.
    Without momentum both are plain SGD. Settings and states are those of mx.optimizer.NAG, so states that it has saved are read:
    the state of a parameter is m, an NDArray of its shape and type, or None where μ is 0; with `multi_precision`, of a float16
    parameter, the pair (m, W) in float32.

    Settings reach MXNet's kernels in single precision, whatever the type of W.
    """

    def _update_impl(self, index: Any, weight: Any, grad: Any, state: Any, multi_precision: bool = False) -> None:
        """Make one step on `weight` (W) and `state`, in place."""
        momentum, master = state if multi_precision else (state, weight)
        if momentum is None or not self._get_wd(index):  # the kernel is right in place
            super()._update_impl(index, weight, grad, state, multi_precision)
            return
        self._update_count(index)
        settings = dict(
            lr=self._get_lr(index), wd=self._get_wd(index), momentum=self.momentum, rescale_grad=self.rescale_grad
        )
        if self.clip_gradient:
            settings['clip_gradient'] = self.clip_gradient
        before = (
            master * 1
        )  # an operator's output, not copy(): plain, where oneDNN has left the weight in a layout of its own
        # The half-precision kernel has no way to be given a copy, so the single-precision one moves the float32 weight.
        mx.nd.nag_mom_update(
            before, grad.astype(np.float32) if multi_precision else grad, momentum, out=master, **settings
        )
        if multi_precision:
            mx.nd.cast(master, dtype=weight.dtype, out=weight)

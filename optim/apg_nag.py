"""APG-NAG: accelerated proximal gradient in the form of Nesterov's accelerated gradient (section 3.3, eq. 6-8).

One gradient a step, at the point where the network is evaluated anyway, and L1-penalised parameters that become exactly zero.
Importing this module registers the optimizer with MXNet under the name 'apgnag'.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Set, Tuple, Union

import mxnet as mx
import numpy as np

from .groups import normalise_groups
from .proximal import on_device, soft_threshold

Index = Any  # what a Trainer passes: an int; outside of one, whatever names a parameter


@mx.optimizer.register
class APGNAG(mx.optimizer.Optimizer):
    """The optimizer of λ in min_λ G(λ) + Σ_i γ_i |λ_i|.

    Each update does, with η_t the learning rate (schedule and lr_mult included) and μ the momentum::

        g   = clip(rescale_grad * ∇G(λ_{t-1}), -clip_gradient, clip_gradient)
        z_t = λ_{t-1} - η_t * g                                     # eq. 6
        v_t = S_{η_t γ}(z_t) - λ_{t-1} + μ_{t-1} * v_{t-1}          # eq. 7     v_0 = 0
        λ_t = S_{η_t γ}(z_t) + μ_t * v_t                            # eq. 8
        λ_t = max(λ_t, 0)                                           # only if nonnegative
        λ_t = v_t = 0 where pruned                                  # only after prune()
        where all of λ_t is zero: λ_t = λ_{t-1}, v_t = 0 at the largest |λ_{t-1}|     # only after keep_last()
        v_t = v_t − λ_t (λ_t·v_t) / ‖λ_t‖² in each group, then λ_t, v_t = s_t λ_t, s_t v_t, where s_t = √(entries) / ‖λ_t‖
                                                                # only after normalise(); not the paper's

    μ_{t-1} = μ_t = momentum throughout. Then v_t = S(z_t) - S(z_{t-1}), so a λ that is thresholded to zero twice in a row is exactly
    zero and at rest.

    With `nonnegative` only λ_t is projected; v_t stays what eq. 7 says of the unprojected terms. The fixed points are those of
    G + γ|λ| on λ >= 0: at rest v = (S(z) - λ) / (1 - μ), hence S(z) = λ where λ > 0, and S(z) <= 0 where λ = 0.

    The state of a parameter is v, an NDArray of its shape. Optimizers travel inside `Trainer.save_states` files, with the γ, the
    pruned entries and the keep_last() of every index; after `Trainer.load_states` the optimizer in use is `trainer.optimizer`, a new
    object.
    Use `update_on_kvstore=False`: settings made between steps do not reach a copy on a KVStore server.

    Parameters
    ----------
    learning_rate : float
        η, not negative, 0.01 if nothing says otherwise; `lr_scheduler` and `Parameter.lr_mult` work as in every MXNet optimizer.
    momentum : float
        μ in [0, 1). Fixed for the life of the optimizer.
    gamma : float
        γ, not negative, of every λ that `set_gamma` has not given its own.
    clip_gradient : float or None
        Bound on each entry of the rescaled gradient; None or 0: no clipping.
    nonnegative : bool
        Keep λ >= 0.
    kwargs
        Those of mx.optimizer.Optimizer, except wd: λ has no weight decay (eq. 5), so a wd other than 0 is refused.

    Raises ValueError for a setting out of these ranges, and for parameters or gradients that are half precision or sparse.
    """

    def __init__(
        self,
        learning_rate: Optional[float] = None,
        momentum: float = 0.9,
        gamma: float = 0.0,
        clip_gradient: Optional[float] = None,
        nonnegative: bool = False,
        **kwargs: Any,
    ) -> None:
        if learning_rate is not None and not 0 <= learning_rate < np.inf:
            raise ValueError(f'apgnag: learning_rate must be a number >= 0, got {learning_rate!r}')
        if not 0 <= momentum < 1:
            raise ValueError(f'apgnag: momentum must be in [0, 1), got {momentum!r}')
        if np.ndim(gamma) or not 0 <= gamma < np.inf:
            raise ValueError(f'apgnag: gamma must be one number >= 0 (set_gamma takes arrays), got {gamma!r}')
        if clip_gradient is not None and not 0 <= clip_gradient < np.inf:
            raise ValueError(f'apgnag: clip_gradient must be None or a number >= 0, got {clip_gradient!r}')
        if kwargs.get('wd'):
            raise ValueError(f'apgnag: λ has no weight decay, wd must be 0, got {kwargs["wd"]!r}')
        super().__init__(learning_rate=learning_rate, clip_gradient=clip_gradient, **kwargs)
        self.momentum = momentum
        self.gamma = float(gamma)
        self.nonnegative = bool(nonnegative)
        self._gammas: Dict[
            Any, Any
        ] = {}  # index -> float or float64 array; plain numpy, so that a pickle is tied to no device
        self._pruned: Dict[Any, np.ndarray[Any, Any]] = {}  # index -> boolean array
        self._kept: Set[Any] = set()  # indices of which one entry always stays
        self._groups: Dict[Any, np.ndarray[Any, Any]] = {}  # index -> group of each entry, whole numbers from 0
        self._resting: Dict[Any, np.ndarray[Any, Any]] = {}  # index -> boolean array, for the next update alone

    def __setstate__(self, state: Dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault('_kept', set())  # pickles of version 0.1.0 have none of these
        self.__dict__.setdefault('_groups', {})
        self.__dict__.setdefault('_resting', {})

    def set_gamma(self, index: Index, gamma: Any) -> None:
        """Set the γ of parameter `index` from the next update on.

        index: as in update(), which in a Trainer is the parameter's position; there, its name is understood too.
        gamma: a number, or an array in the parameter's shape (numpy, NDArray or sequence), not negative.
        Raises ValueError for an unknown index, a wrong shape, and a γ that is negative or not finite.
        """
        if isinstance(gamma, mx.nd.NDArray):
            gamma = gamma.asnumpy()
        gamma = np.array(gamma, dtype=np.float64)
        if not (np.isfinite(gamma).all() and (gamma >= 0).all()):
            raise ValueError(
                f'apgnag: gamma of parameter {index!r} must be finite and >= 0, got {gamma.min()} to {gamma.max()}'
            )
        index = self._known(index, gamma.shape if gamma.ndim else None, 'gamma')
        self._gammas[index] = gamma if gamma.ndim else float(gamma)

    def get_gamma(self, index: Index) -> Union[float, np.ndarray[Any, Any]]:
        """Return the γ in force for parameter `index`: a float, or a float64 array in its shape."""
        gamma = self._gammas.get(self._known(index, None, 'gamma'), self.gamma)
        return gamma if isinstance(gamma, float) else gamma.copy()

    def prune(self, index: Index, mask: Any) -> None:
        """Remove entries of parameter `index` for good: from the next update on their λ and v are exactly 0, whatever the gradient.

        mask: boolean array in the parameter's shape, True where pruned. What was pruned before stays so.
        Raises ValueError for an unknown index or a wrong shape.
        """
        mask = np.array(mask.asnumpy() if isinstance(mask, mx.nd.NDArray) else mask, dtype=bool)
        index = self._known(index, mask.shape, 'mask')
        before = self._pruned.get(index)
        if before is not None and before.shape != mask.shape:
            raise ValueError(
                f'apgnag: mask of parameter {index!r} has shape {mask.shape}, its earlier mask {before.shape}'
            )
        mask = mask if before is None else mask | before
        if index in self._kept and mask.all():
            raise ValueError(
                f'apgnag: mask of parameter {index!r} leaves nothing of it, and keep_last() asks for one entry'
            )
        self._pruned[index] = mask

    def pruned(self, index: Index) -> Optional[np.ndarray[Any, Any]]:
        """Return a boolean array in the shape of parameter `index`, True where prune() has removed it; None if nothing was."""
        mask = self._pruned.get(self._known(index, None, 'mask'))
        return None if mask is None else mask.copy()

    def keep_last(self, index: Index) -> None:
        """Keep one entry of parameter `index` from the next update on, for λ of which one is needed for a signal to pass.

        Where an update would make all of them zero, the one that was largest before it keeps its value, at rest.

        Raises ValueError for an unknown index, and where everything is pruned already.
        """
        index = self._known(index, None, 'last entry')
        if index in self._pruned and self._pruned[index].all():
            raise ValueError(f'apgnag: nothing is left of parameter {index!r} to keep')
        self._kept.add(index)

    def rest(self, index: Index, mask: Any) -> None:
        """Start the next update of parameter `index` with v = 0 where `mask` (boolean, in its shape) is True: for λ set from outside."""
        mask = np.array(mask, dtype=bool)
        self._resting[self._known(index, mask.shape, 'mask')] = mask

    def normalise(self, index: Index, groups: Any) -> None:
        """Rescale groups of entries of parameter `index` after each update, to the norm that a group of ones has.

        For λ whose common scale the network does not see, since batch norm follows their sum: the function stays as it is, and
        the size of a step relative to λ stays bounded. v is scaled along, without its part along λ, which would change the common
        scale alone; a γ that shrinks all λ of a group would build it up. A group that is all zero stays so.

        groups: array of whole numbers in the parameter's shape; entries with equal numbers make a group.
        Raises ValueError for an unknown index, a wrong shape, and numbers that are not whole or negative.
        """
        groups = np.array(groups)
        if groups.dtype.kind not in 'iu' or groups.size == 0 or groups.min() < 0:
            raise ValueError(f'apgnag: groups of parameter {index!r} must be whole numbers >= 0')
        self._groups[self._known(index, groups.shape, 'groups')] = groups.astype(np.int64)

    def _known(self, index: Index, shape: Optional[Tuple[int, ...]], setting: str) -> Index:
        """Return `index` as update() will pass it; check it, and `shape`, where a Trainer has told what the parameters are."""
        if not self.param_dict:
            return index
        if isinstance(index, str):
            index = next((i for i, param in self.param_dict.items() if param.name == index), index)
        if index not in self.param_dict:
            known = ', '.join(f'{i} ({p.name})' for i, p in sorted(self.param_dict.items()))
            raise ValueError(f'apgnag: no parameter {index!r} to set a {setting} for; known: {known}')
        expected = self.param_dict[index].shape
        if shape is not None and expected and 0 not in expected and tuple(expected) != tuple(shape):
            raise ValueError(
                f'apgnag: {setting} of parameter {index!r} has shape {tuple(shape)}, the parameter {tuple(expected)}'
            )
        return index

    def create_state(self, index: Index, weight: Any) -> Any:
        """Make v_0 = 0, in the parameter's shape, type and context."""
        return mx.nd.zeros(weight.shape, ctx=weight.context, dtype=weight.dtype)

    def create_state_multi_precision(self, index: Index, weight: Any) -> Any:
        """Do as create_state; λ are few, so there is no half-precision variant with a master copy.

        Raises ValueError for float16.
        """
        if weight.dtype == np.float16:
            raise ValueError(f'apgnag: parameter {index!r} is float16; λ must be float32 or float64')
        return self.create_state(index, weight)

    def update_multi_precision(self, index: Index, weight: Any, grad: Any, state: Any) -> None:
        """Do as update."""
        self.update(index, weight, grad, state)

    def update(self, index: Index, weight: Any, grad: Any, state: Any) -> None:
        """Make one step of eq. 6-8 on `weight` (λ) and `state` (v), in place."""
        if weight.stype != 'default' or grad.stype != 'default':
            raise ValueError(
                f'apgnag: parameter {index!r} and its gradient must be dense, got {weight.stype} and {grad.stype}'
            )
        self._update_count(index)
        eta = self._get_lr(index)
        mu_previous = mu = self.momentum  # μ_{t-1} and μ_t
        v = state
        before = weight.copy() if index in self._kept else None
        resting = self._resting.pop(index, None)
        if resting is not None:
            mx.nd.where(on_device(resting, v), mx.nd.zeros_like(v), v, out=v)

        grad = grad * self.rescale_grad
        if self.clip_gradient:
            grad = mx.nd.maximum(mx.nd.minimum(grad, self.clip_gradient), -self.clip_gradient)
        z = weight - eta * grad  # eq. 6
        proximal = soft_threshold(z, eta * self._gamma_like(index, weight))
        # The order of the terms matters: at rest, λ = 0 + μ v to the last bit, so that −λ + μ v is exactly 0.
        mx.nd.elemwise_add(proximal - weight, mu_previous * v, out=v)  # eq. 7
        mx.nd.elemwise_add(proximal, mu * v, out=weight)  # eq. 8
        if self.nonnegative:
            mx.nd.relu(weight, out=weight)
        pruned = self._pruned.get(index)
        if pruned is not None:
            if pruned.shape != weight.shape:
                raise ValueError(
                    f'apgnag: mask of parameter {index!r} has shape {pruned.shape}, the parameter {weight.shape}'
                )
            pruned, zero = on_device(pruned, weight), mx.nd.zeros_like(weight)
            for array in (weight, v):  # a choice, not a product with 0, which would keep what is not a number
                mx.nd.where(pruned, zero, array, out=array)
        if before is not None:
            kept = _largest_if_all_zero(before, weight)
            mx.nd.where(kept, before, weight, out=weight)
            mx.nd.where(kept, mx.nd.zeros_like(v), v, out=v)
        if index in self._groups:
            normalise_groups(self._groups[index], weight, v)

    def _gamma_like(self, index: Index, weight: Any) -> Any:
        gamma = self._gammas.get(index, self.gamma)
        if np.ndim(gamma) and gamma.shape != weight.shape:
            raise ValueError(
                f'apgnag: gamma of parameter {index!r} has shape {gamma.shape}, the parameter {weight.shape}'
            )
        return gamma


def _largest_if_all_zero(before: Any, after: Any) -> Any:
    """Return 1 at the largest |entry| of `before` if `after` is all zero, else 0; in their shape and type. Does not synchronise."""
    size = before.size
    largest = mx.nd.argmax(before.abs().reshape((1, size)), axis=1)
    place = mx.nd.one_hot(largest, size, dtype=before.dtype).reshape(before.shape)
    lost = (after != 0).sum() == 0
    return mx.nd.broadcast_mul(place, lost.reshape((1,) * before.ndim))

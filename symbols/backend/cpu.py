"""A network's operators as oneDNN computes them fastest, on the CPU."""

from __future__ import annotations

from typing import List, Sequence

import mxnet as mx

from .operators import BN_EPSILON, BN_MOMENTUM, Kernels, convolution
from .types import Array, NDArray, Operators, Shape

WIDEST = 3  # columns of a depthwise kernel for whose gradient oneDNN has code of its own


class CpuKernels(Kernels):
    """The operators that oneDNN computes fastest.

    No arrays of four axes are concatenated: each time MXNet 1.9.1 computes that gradient on the CPU, it leaks about a kilobyte per array.
    fused: batch norm and ReLU are one operator. Where widths of a network are some multiples of 16, some of 8 alone and some of neither,
    its gradient can meet its input in one layout and its output's gradient in another. Between blocks of 16 and of 8 it then fails
    with "could not create a primitive descriptor iterator"; between blocks of 8 and none it computes wrong values without a word.
    trained: whether gradients of the weights may be asked for; without them a wide depthwise convolution is several times faster.
    """

    fills_blocks = True

    def __init__(self, fused: bool = True, trained: bool = True) -> None:
        self._fused, self._trained = fused, trained
        self.inference = 'forward' if trained else None

    def trains(self, x: NDArray) -> bool:
        return True

    def convolution(
        self,
        F: Operators,
        x: Array,
        weight: Array,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        """Convolve with a constant bias of zeros.

        The gradient of a convolution without bias reads past its list of gradient requests, and computes weight gradients that were
        not requested, depending on what it reads there (MXNet 1.9.1).
        """
        if groups == channels > 1 and stride == dilation == 1 and kernel > WIDEST:
            return self._wide_depthwise(F, x, weight, channels, kernel)
        pad = dilation * (kernel // 2)
        return F.Convolution(
            x,
            weight,
            _constant(F, x, (channels,), 0.0),
            kernel=(kernel, kernel),
            stride=(stride, stride),
            pad=(pad, pad),
            dilate=(dilation, dilation),
            num_filter=channels,
            num_group=groups,
        )

    def _wide_depthwise(self, F: Operators, x: Array, weight: Array, channels: int, kernel: int) -> Array:
        """Compute a depthwise convolution whose kernel is wider than oneDNN has code for to compute its gradient.

        That code would compute a small matrix product for each channel and image, 50 times as expensive as that of a narrow
        kernel. Output and gradient of the input come from one convolution with the weights taken as a constant. The gradient of
        the weights comes from convolutions with narrow parts of the kernel, whose values are zero and add nothing to the output:
        the three columns in the middle, and each column beyond on the map shifted by as much.
        """
        reach = kernel // 2

        def convolved(x: Array, weight: Array, width: int) -> Array:
            return F.Convolution(
                x,
                weight,
                _constant(F, x, (channels,), 0.0),
                kernel=(kernel, width),
                pad=(reach, width // 2),
                num_filter=channels,
                num_group=channels,
            )

        output = convolved(x, F.BlockGrad(weight), kernel)
        if not self._trained:
            return output
        still, zeros = F.BlockGrad(x), weight - F.BlockGrad(weight)
        middle = F.slice_axis(zeros, axis=3, begin=reach - WIDEST // 2, end=reach + WIDEST // 2 + 1)
        terms = [output, convolved(still, middle, WIDEST)]
        for column in range(kernel):
            if abs(column - reach) > WIDEST // 2:
                part = F.slice_axis(zeros, axis=3, begin=column, end=column + 1)
                terms.append(convolved(_shifted(F, still, channels, column - reach), part, 1))
        return F.add_n(*terms)

    def _product(self, F: Operators, weights: Array, rows: Array, count: int, depth: int) -> Array:
        """Multiply by a 1×1 convolution over maps of one row: oneDNN's GEMM is faster for matrices this flat."""
        maps = F.reshape(rows, shape=(1, depth, 1, -1))
        weights = F.reshape(weights, shape=(count, depth, 1, 1))
        return F.reshape(F.Convolution(maps, weights, kernel=(1, 1), num_filter=count, no_bias=True), shape=(count, -1))

    def combine(self, F: Operators, maps: Sequence[Array], weight: Array, channels: int) -> Array:
        """Convolve each map, then add up: no map leaves oneDNN's layout to be concatenated."""
        return _convolved(F, maps, _split(F, weight, len(maps), axis=1), channels)

    def gather(
        self, F: Operators, maps: Sequence[Array], weights: Sequence[Array], scale: Array, channels: int
    ) -> Array:
        """Convolve each map, then add up, as `combine`."""
        count = len(maps)
        rows = [F.reshape(weight, shape=(1, -1)) for weight in weights]
        weight = F.concat(*rows, dim=0) if count > 1 else rows[0]
        weight = F.dot(F.diag(F.reshape(scale, shape=(-1,))), weight)  # broadcast_mul's gradient is a slow sum
        parts = _split(F, weight, count, axis=0)
        return _convolved(F, maps, [F.reshape(part, shape=(channels, channels, 1, 1)) for part in parts], channels)

    def bn_relu(
        self, F: Operators, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, fix_gamma: bool
    ) -> Array:
        if not self._fused:
            return super().bn_relu(F, x, gamma, beta, mean, variance, fix_gamma)
        return F.contrib.BatchNormWithReLU(
            x, gamma, beta, mean, variance, fix_gamma=fix_gamma, eps=BN_EPSILON, momentum=BN_MOMENTUM
        )

    def max_pool(self, F: Operators, x: Array, channels: int, kernel: int) -> Array:
        """Apply max pooling to a copy that nothing else reads, so that its layout stays (Kernels.trains)."""
        x = self.convolution(F, x, _constant(F, x, (channels, 1, 1, 1), 1.0), channels, groups=channels)
        return super().max_pool(F, x, channels, kernel)

    def average_pool(self, F: Operators, x: Array, channels: int, kernel: int) -> Array:
        weight = _constant(F, x, (channels, 1, kernel, kernel), 1.0 / kernel**2)
        return self.convolution(F, x, weight, channels, kernel=kernel, groups=channels)


def _split(F: Operators, array: Array, count: int, axis: int) -> List[Array]:
    return list(F.split(array, num_outputs=count, axis=axis)) if count > 1 else [array]


def _convolved(F: Operators, maps: Sequence[Array], weights: Sequence[Array], channels: int) -> Array:
    """Convolve each map with the weight (channels, channels, 1, 1) of its own, and add up."""
    terms = [convolution(F, x, weight, channels) for x, weight in zip(maps, weights)]
    return F.add_n(*terms) if len(terms) > 1 else terms[0]


def _shifted(F: Operators, x: Array, channels: int, columns: int) -> Array:
    """Shift x by `columns` to the left (negative: to the right), with zeros beside it; a convolution, so that its layout stays."""
    reach = abs(columns)
    taps = F.one_hot(_constant(F, x, (channels,), float(reach + columns)), depth=2 * reach + 1)
    return F.Convolution(
        x,
        F.reshape(taps, shape=(channels, 1, 1, -1)),
        _constant(F, x, (channels,), 0.0),
        kernel=(1, 2 * reach + 1),
        pad=(0, reach),
        num_filter=channels,
        num_group=channels,
    )


def _constant(F: Operators, x: Array, shape: Shape, value: float) -> Array:
    """Make a constant in the graph, which is no parameter of the network, neither counted nor saved."""
    return F.full(shape, value, ctx=x.context) if F is mx.nd else F.full(shape, value)

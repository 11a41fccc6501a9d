"""How the network's steps are computed, chosen by device in this one place; the results are the same.

'cpu': oneDNN. Fused batch norm and ReLU; an identity depthwise convolution brings the input of max pooling into oneDNN's
blocked layout, where pooling is many times faster; average pooling as a constant depthwise convolution; depthwise kernels in strips
of three columns; the sums of a level as a 1×1 convolution over maps; R as a convolution for each operation.
'plain': MXNet's operators as they are, for cuDNN and for export. On the CPU they are right in inference and in double precision; where
gradients are asked for in single precision, a network computes with 'exact' instead (Kernels.trains).
'exact': slower, for gradients in inference mode, where MXNet 1.9.1 computes wrong ones on the CPU: max pooling and the fused batch
norm both leave behind what their gradient needs in training mode only.
'sync:N': 'plain' with batch norm's statistics taken over N devices together. On GPUs only: it hangs on several CPU devices.
"""

import functools
import itertools
import operator

import mxnet as mx
import numpy as np

from . import gradient_sums

BN_EPSILON = 2e-5
BN_MOMENTUM = 0.9
WHOLE_BLOCK = 16  # channels that oneDNN keeps side by side, at most
WIDEST_STRIP = 3  # columns of a depthwise kernel for whose gradient oneDNN has code of its own


def kernels(kind=None, widths=()):
    """The Kernels named `kind`; by default those of the devices that MXNet sees: 'plain' with a GPU, else 'cpu'.

    widths: of a network's stages, where its reductions add up without a `mix`; CpuKernels says what for.
    Raises ValueError for another name, UserError where MXNet was started so that it computes wrong gradients (gradient_sums.py).
    """
    if kind is None:
        kind = 'plain' if mx.context.num_gpus() else 'cpu'
    if str(kind).startswith('sync:') and kind[5:].isdigit():
        return SyncKernels(int(kind[5:]))
    if kind not in KINDS:
        raise ValueError(f'kernels: {kind!r} is not one of {", ".join(KINDS)} or sync:N')
    if kind != 'plain':
        gradient_sums.check()
    return CpuKernels(fused=len({width % WHOLE_BLOCK == 0 for width in widths}) < 2) if kind == 'cpu' else KINDS[kind]()


def convolution(F, x, weight, channels, kernel=1, stride=1, groups=1, dilation=1):
    """Convolution without bias, padded to keep the size at stride 1; x (batch, channels in, height, width)."""
    pad = dilation * (kernel // 2)
    return F.Convolution(
        x,
        weight,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(pad, pad),
        dilate=(dilation, dilation),
        num_filter=channels,
        num_group=groups,
        no_bias=True,
    )


def masked_sum(F, sources, rate):
    """The sum of feature maps, each dropped with probability `rate` for each image on its own and scaled up where it stays.

    sources: feature maps of one shape (batch, …). rate: array of shape (1,), data and not a constant of the graph; at 0 the sum is exact.
    The masked sum of all sources is one batched GEMM, so drop path costs no operator an edge.
    """
    rows = F.stack(*sources, axis=1)
    draw = F.slice(rows, begin=(None, None, 0, 0, 0), end=(None, None, 1, 1, 1))
    draw = F.reshape(F.BlockGrad(draw), shape=(0, 1, -1))
    draw = F.random.uniform_like(draw)
    keep = 1 - F.reshape(rate, shape=(1, 1, 1))
    mask = F.broadcast_div(
        F.broadcast_lesser(draw, keep), F.maximum(keep, 1e-6)
    )  # at rate 1 nothing stays to be scaled up
    mixed = F.batch_dot(mask, F.reshape(rows, shape=(0, 0, -1)))
    return F.reshape_like(mixed, sources[0])


class Kernels:
    """MXNet's operators as they are."""

    def trains(self, x):
        """Tell whether gradients of the training mode are right for a network's images x, an NDArray.

        In a graph of MXNet 1.9.1 on the CPU, in single precision, a map of at least 8 channels that max pooling and an operator without
        oneDNN (reshape, stack) both read leaves oneDNN's layout in place, and pooling's gradient goes to other pixels.
        """
        return x.context.device_type != 'cpu' or x.dtype != np.float32

    def convolution(self, F, x, weight, channels, kernel=1, stride=1, groups=1, dilation=1):
        """The module's `convolution`."""
        return convolution(F, x, weight, channels, kernel, stride, groups, dilation)

    def join(self, F, maps):
        """Feature maps of one shape, one after the other along the channels."""
        return F.concat(*maps, dim=1) if len(maps) > 1 else maps[0]

    def mix(self, F, sources, weights, count):
        """Weighted sums of feature maps as one GEMM: eq. 3's sums for all operations of a level at once.

        sources: K feature maps of one shape. weights: (count, K). Returns `count` feature maps of that shape.
        Stacking them as the rows of a (K, everything) matrix costs one copy; an operator an edge costs 20 times as much.
        """
        rows = [F.reshape(source, shape=(1, -1)) for source in sources]
        mixed = self._product(F, weights, F.concat(*rows, dim=0) if len(rows) > 1 else rows[0], count, len(rows))
        rows = F.split(mixed, num_outputs=count, axis=0) if count > 1 else [mixed]
        return [F.reshape_like(row, sources[0]) for row in rows]

    def _product(self, F, weights, rows, count, depth):
        """(count, depth) times (depth, everything)."""
        return F.dot(weights, rows)

    def gather(self, F, maps, weights, scale, channels):
        """R without its batch norm (eq. 4): a 1×1 convolution of the maps' concatenation, each map scaled; the scale goes into the weights.

        maps: n feature maps; weights: of each (channels, channels, 1, 1); scale: (1, n).
        """
        count = len(maps)
        weight = F.reshape(F.concat(*weights, dim=1) if count > 1 else weights[0], shape=(channels, count, channels))
        weight = F.reshape(F.broadcast_mul(weight, F.reshape(scale, shape=(1, count, 1))), shape=(channels, -1, 1, 1))
        return convolution(F, self.join(F, maps), weight, channels)

    def bn_relu(self, F, x, gamma, beta, mean, variance, fix_gamma):
        """Batch norm over channels, then ReLU."""
        return F.relu(
            F.BatchNorm(x, gamma, beta, mean, variance, fix_gamma=fix_gamma, eps=BN_EPSILON, momentum=BN_MOMENTUM)
        )

    def max_pool(self, F, x, channels, kernel):
        """Max pooling, stride 1, same size."""
        return F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type='max')

    def average_pool(self, F, x, channels, kernel):
        """Average pooling, stride 1, same size, padding counted."""
        return F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type='avg')


class CpuKernels(Kernels):
    """What oneDNN does best.

    No arrays of four axes are concatenated: each time MXNet 1.9.1 computes that gradient on the CPU, it loses about a kilobyte an array.
    fused: batch norm and ReLU are one operator. Where some widths of a network fill oneDNN's blocks and others do not, its gradient can
    meet its input in blocks of 16 channels and its output's gradient in blocks of 8, and fails with "could not create a primitive
    descriptor iterator".
    """

    def __init__(self, fused=True):
        self._fused = fused

    def trains(self, x):
        return True

    def join(self, F, maps):
        return F.reshape(F.stack(*maps, axis=1), shape=(0, -3, 0, 0)) if len(maps) > 1 else maps[0]

    def convolution(self, F, x, weight, channels, kernel=1, stride=1, groups=1, dilation=1):
        """With a bias of zeros, a constant: the gradient of a convolution without one reads past its list of what is asked for, and
        computes gradients of weights that nobody wants, depending on what it finds there (MXNet 1.9.1).
        """
        if groups == channels > 1 and stride == dilation == 1 and kernel > WIDEST_STRIP:
            return self._strips(F, x, weight, channels, kernel)
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

    def _strips(self, F, x, weight, channels, kernel):
        """A depthwise convolution as a sum over strips of the kernel's columns, each on the map moved to where the strip looks.

        The gradient of a wide kernel is a small matrix product for each channel and image, 50 times as dear as that of a strip.
        """
        reach, terms = kernel // 2, []
        for column in range(0, kernel, WIDEST_STRIP):
            begin = min(column, kernel - WIDEST_STRIP)
            strip = F.slice_axis(weight, axis=3, begin=column, end=begin + WIDEST_STRIP)
            if begin < column:  # the last strip overlaps the one before, with zeros
                strip = _pad_columns(F, strip, column - begin, 0)
            moved = _columns(F, x, begin - reach, begin - reach + WIDEST_STRIP - 1)
            terms.append(
                F.Convolution(
                    moved,
                    strip,
                    _constant(F, x, (channels,), 0.0),
                    kernel=(kernel, WIDEST_STRIP),
                    pad=(reach, 0),
                    num_filter=channels,
                    num_group=channels,
                )
            )
        return functools.reduce(operator.add, terms)

    def _product(self, F, weights, rows, count, depth):
        """As a 1×1 convolution over maps of one row, because oneDNN's GEMM is the faster one for matrices this flat."""
        maps = F.reshape(rows, shape=(1, depth, 1, -1))
        weights = F.reshape(weights, shape=(count, depth, 1, 1))
        return F.reshape(F.Convolution(maps, weights, kernel=(1, 1), num_filter=count, no_bias=True), shape=(count, -1))

    def gather(self, F, maps, weights, scale, channels):
        """A convolution for each map, then their sum: no map leaves oneDNN's layout to be concatenated."""
        count = len(maps)
        rows = [F.reshape(weight, shape=(1, -1)) for weight in weights]
        weight = F.concat(*rows, dim=0) if count > 1 else rows[0]
        weight = F.dot(F.diag(F.reshape(scale, shape=(-1,))), weight)  # broadcast_mul's gradient is a slow sum
        parts = F.split(weight, num_outputs=count, axis=0) if count > 1 else [weight]
        terms = [
            convolution(F, x, F.reshape(part, shape=(channels, channels, 1, 1)), channels)
            for x, part in zip(maps, parts)
        ]
        return F.add_n(*terms) if count > 1 else terms[0]

    def bn_relu(self, F, x, gamma, beta, mean, variance, fix_gamma):
        if not self._fused:
            return super().bn_relu(F, x, gamma, beta, mean, variance, fix_gamma)
        return F.contrib.BatchNormWithReLU(
            x, gamma, beta, mean, variance, fix_gamma=fix_gamma, eps=BN_EPSILON, momentum=BN_MOMENTUM
        )

    def max_pool(self, F, x, channels, kernel):
        """Max pooling of a copy that nothing else reads, so that its layout stays (Kernels.trains)."""
        x = self.convolution(F, x, _constant(F, x, (channels, 1, 1, 1), 1.0), channels, groups=channels)
        return super().max_pool(F, x, channels, kernel)

    def average_pool(self, F, x, channels, kernel):
        weight = _constant(F, x, (channels, 1, kernel, kernel), 1.0 / kernel**2)
        return self.convolution(F, x, weight, channels, kernel=kernel, groups=channels)


class ExactKernels(Kernels):
    """Gradients are right in both modes on every device."""

    def trains(self, x):
        return True

    def max_pool(self, F, x, channels, kernel):
        """The maximum of shifted maps. Of equal ones the gradient goes to the first in reading order, as in Pooling."""
        pad = kernel // 2
        x = F.pad(x, mode='constant', pad_width=(0, 0, 0, 0, pad, pad, pad, pad), constant_value=-3e38)
        for axis in (3, 2):
            end = [1 + shift - kernel for shift in range(kernel)]
            shifted = [F.slice_axis(x, axis=axis, begin=shift, end=end[shift] or None) for shift in range(kernel)]
            x = functools.reduce(F.maximum, shifted)
        return x


class SyncKernels(Kernels):
    """Statistics of batch norm over `devices` devices together."""

    networks = itertools.count()  # keys by which devices meet must differ from network to network

    def __init__(self, devices):
        self._devices, self._network, self._layers = devices, next(self.networks), itertools.count()

    def trains(self, x):
        return True  # GPUs only

    def bn_relu(self, F, x, gamma, beta, mean, variance, fix_gamma):
        key = f'network{self._network}_bn{next(self._layers)}'  # one graph serves all devices, so they agree on it
        return F.relu(
            F.contrib.SyncBatchNorm(
                x,
                gamma,
                beta,
                mean,
                variance,
                fix_gamma=fix_gamma,
                eps=BN_EPSILON,
                momentum=BN_MOMENTUM,
                ndev=self._devices,
                key=key,
            )
        )


KINDS = {'cpu': CpuKernels, 'plain': Kernels, 'exact': ExactKernels}


def _columns(F, x, first, last):
    """x with what an unpadded strip from column offset `first` to `last` needs for each of its columns: moved, zeros beside it."""
    x = _pad_columns(F, x, max(-first, 0), max(last, 0))
    if first > 0 or last < 0:
        x = F.slice_axis(x, axis=3, begin=max(first, 0), end=min(last, 0) or None)
    return x


def _pad_columns(F, x, left, right):
    return F.pad(x, mode='constant', pad_width=(0,) * 6 + (left, right)) if left or right else x


def _constant(F, x, shape, value):
    """A constant made in the graph: it is no parameter of the network, neither counted nor saved."""
    return F.full(shape, value, ctx=x.context) if F is mx.nd else F.full(shape, value)

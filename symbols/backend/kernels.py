"""Selection of a network's operators by device; the results are the same.

'cpu': as 'onednn', but each block of a network that can be is one operator (symbols/native/), where a compiler has made it
(native.py); in double precision, and where nothing is recorded, it computes as the others do. 'cpu:weights', 'cpu:gates': the same
with gradients of W or of λ alone, which networks of 'cpu' compute with where no others are asked for.
'onednn': fused batch norm and ReLU; an identity depthwise convolution brings the input of max pooling into oneDNN's
blocked layout, where pooling is many times faster; average pooling as a constant depthwise convolution; gradients of wide depthwise
kernels from narrow parts of them; the sums of a level as a 1×1 convolution over maps; R as a convolution for each operation.
'forward': the same without gradients of the weights, for inference; networks of 'cpu' and 'onednn' compute with it where nothing is
recorded.
'plain': MXNet's operators as they are, for cuDNN and for export. On the CPU they are right in inference and in double precision; where
gradients are asked for in single precision, a network computes with 'exact' instead (Kernels.trains).
'exact': slower, for gradients in inference mode, where MXNet 1.9.1 computes wrong ones on the CPU: max pooling and the fused batch
norm both leave behind what their gradient needs in training mode only.
'sync:N': 'plain' with batch norm's statistics taken over N devices together. On GPUs only: it hangs on several CPU devices.
"""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Type

import mxnet as mx

from . import gradient_sums
from .cpu import CpuKernels
from .operators import ExactKernels, Kernels, SyncKernels, convolution, drawn_masks, masked_sum

__all__ = [
    'KINDS',
    'CpuKernels',
    'ExactKernels',
    'Kernels',
    'SyncKernels',
    'convolution',
    'drawn_masks',
    'kernels',
    'masked_sum',
]

GROUPS = 'weights', 'gates'  # of parameters, for which alone 'cpu' may compute gradients
BLOCKS = 16, 8  # channels that oneDNN keeps side by side, where a width is a multiple of them; otherwise one by one
KINDS: Dict[str, Type[Kernels]] = {
    'cpu': CpuKernels,
    'onednn': CpuKernels,
    'forward': CpuKernels,
    'plain': Kernels,
    'exact': ExactKernels,
}


def kernels(kind: Optional[str] = None, widths: Sequence[int] = ()) -> Kernels:
    """Return the Kernels named `kind`; by default those of the devices that MXNet sees: 'plain' with a GPU, else 'cpu'.

    widths: of a network's stages, where its reductions add up without a `mix`; where oneDNN has different layouts for them, CpuKernels
    must not be fused.
    Raises ValueError for another name, UserError where MXNet was started so that it computes wrong gradients (gradient_sums.py).
    """
    if kind is None:
        kind = 'plain' if mx.context.num_gpus() else 'cpu'
    asked = kind
    if str(kind).startswith('sync:') and kind[5:].isdigit():
        return SyncKernels(int(kind[5:]))
    kind, _, group = str(kind).partition(':')
    if kind not in KINDS or group not in ('', *(GROUPS if kind == 'cpu' else ())):
        raise ValueError(f'kernels: {asked!r} is not one of {", ".join(KINDS)} or sync:N')
    if kind != 'plain':
        gradient_sums.check()
    if KINDS[kind] is not CpuKernels:
        return KINDS[kind]()
    layouts = {tuple(width % block == 0 for block in BLOCKS) for width in widths}
    made = CpuKernels(len(layouts) < 2, trained=kind != 'forward')
    made.wanted = (group or 'all') if kind == 'cpu' else None
    return made

"""MXNet symbol: PREFIX-symbol.json and PREFIX-0000.params, for MXNet's bindings in any language."""

import warnings
from typing import Callable, List, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, SymbolBlock

from .graph import INPUT

MANY = 32  # images to check on
SUFFIXES = ('-symbol.json', '-0000.params')


def write(net: HybridBlock, prefix: str) -> List[str]:
    """Write a network of graph.exportable. Returns the paths of the two files."""
    net.export(prefix)
    return [prefix + suffix for suffix in SUFFIXES]


def runner(prefix: str) -> Tuple[Callable[[np.ndarray], np.ndarray], str, int]:
    """As onnx_file.runner, for the files of a prefix."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of parameters that carry no type
        net = SymbolBlock.imports(prefix + SUFFIXES[0], [INPUT], prefix + SUFFIXES[1])
    return lambda images: net(mx.nd.array(images)).asnumpy(), f'mxnet {mx.__version__}', MANY

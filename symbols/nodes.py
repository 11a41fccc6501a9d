"""Nodes and edges of a block, and branches of a reduction block."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

INPUT = 'in'
OUTPUT = 'out'


@dataclasses.dataclass(frozen=True)
class ReductionBranch:
    """A branch of a reduction block: a dense convolution of stride 2. name: as in edge names. kernel: its side, pixels."""

    name: str
    kernel: int


REDUCTION = (ReductionBranch('conv_1x1', 1), ReductionBranch('conv_3x3', 3))
REDUCTION_BRANCHES = tuple(branch.name for branch in REDUCTION)
REDUCTION_KERNELS = {branch.name: branch.kernel for branch in REDUCTION}


class Node(NamedTuple):
    """An end of an edge: an operation, or the block's input (level 0) or output (level M + 1), both as operation 0."""

    level: int
    operation: int


BLOCK_INPUT = Node(0, 0)


@dataclasses.dataclass(frozen=True)
class Edge:
    """One edge of a block. source, target: the Nodes that it joins. name: such as 'L2.max_pool_3x3<-in', without a scope."""

    source: Node
    target: Node
    name: str

"""Draw the blocks of an Architecture: which graphs stand on the sheet, and in which colours (Fig. 4 of the paper)."""

from typing import Dict, List, Mapping, Optional, Tuple, Union

from matplotlib.figure import Figure

from ...base.errors import UserError
from ...base.text import shown
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.space import REDUCTION_BRANCHES, Channels
from . import dag, figures, palette
from .blocks import sheet


def colours_of(architecture: Architecture) -> Dict[str, str]:
    """Return {operation: '#rrggbb'}, with those of the reduction blocks."""
    return palette.operation_colours(architecture.space.operations + REDUCTION_BRANCHES)


def edges_left(architecture: Architecture) -> str:
    """Say how much of the space is left: '34 of 128 edges left'."""
    total = sum(len(group) for group in architecture.space.gate_names())
    return f'{architecture.num_edges} of {total} edges left'


def flops_of(architecture: Architecture, channels: Optional[Channels] = None, image_size: int = 32) -> Dict[str, int]:
    """Return {scope: FLOPs} of the blocks of a network whose blocks have edges of their own; {} where they share them.

    channels, image_size: as `cost` takes them.
    """
    if architecture.space.share:
        return {}
    counted = cost(architecture, channels, image_size)
    return {block.name: block.flops for block in counted.blocks if block.name in architecture.space.scopes}


def draw(
    architecture: Architecture,
    gates: Optional[Mapping[str, float]] = None,
    faint: bool = False,
    block: Union[str, int, None] = None,
    title: str = '',
    page: Optional[Tuple[float, float]] = None,
    flops: Optional[Mapping[str, int]] = None,
) -> Figure:
    """Draw the blocks of an Architecture.

    gates: {edge name: λ}, where known; edges are as wide as their λ. faint: with the operations and
    edges that did not survive. block: this scope ('b03', 'r01', 'shared') or block number alone.
    page: (width, height) in inches instead of A4. flops: {scope: FLOPs}, written beside the names of blocks.
    Raises UserError for a block that is not there.
    """
    with figures.styled():
        return sheet(graphs_of(architecture, gates, faint, block, flops), colours_of(architecture), title, page)


def graphs_of(
    architecture: Architecture,
    gates: Optional[Mapping[str, float]] = None,
    faint: bool = False,
    block: Union[str, int, None] = None,
    flops: Optional[Mapping[str, int]] = None,
) -> List[dag.Graph]:
    """Return the graphs that `draw` draws, for the same arguments."""
    graphs = dag.graphs(architecture, gates, faint, flops)
    return graphs if block in (None, '') else _only(graphs, str(block))


def _only(graphs: List[dag.Graph], scope: str) -> List[dag.Graph]:
    wanted = f'b{int(scope):02d}' if scope.isascii() and scope.isdecimal() and len(scope) < 5 else scope
    kept = [graph for graph in graphs if graph.scope == wanted]
    if not kept:
        raise UserError(f'--block {shown(scope)}: accepted are {", ".join(graph.scope for graph in graphs)}')
    return kept

"""A derived network as plain data, from which a network can be built without this package: for the one in PyTorch."""

from typing import Any, Dict, Sequence

from ...base.errors import UserError
from ...symbols.architecture import Architecture
from ...symbols.nodes import REDUCTION_KERNELS
from ...symbols.space import BLOCK_INPUT, PAPER_OPERATIONS, Node


def network_plan(architecture: Architecture, widths: Sequence[int]) -> Dict[str, Any]:
    """Return {'widths', 'stem', 'classes', 'parts'} of the network of an architecture.

    A part is a reduction block {'name', 'stage' that it leads to, 'branches': [(name, kernel)]} or a convolution block {'name', 'stage',
    'opens_stage', 'nodes', 'outputs'}. A node is {'name', 'operation', 'sources'}: sources and outputs are places in the list of the
    block's input and its nodes. Blocks that are the identity are left out. Raises UserError for operations other than the paper's.
    """
    space, parts = architecture.space, []
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        if block and space.opens_stage(block):
            branches = [(name, REDUCTION_KERNELS[name]) for name in architecture.reduction_branches(stage - 1)]
            parts.append({'name': f'r{stage - 1:02d}', 'stage': stage, 'branches': branches})
        if not architecture.is_identity(block):
            parts.append(_block(architecture, block, stage))
    return {'widths': list(widths), 'stem': space.stem, 'classes': space.classes, 'parts': parts}


def _block(architecture: Architecture, block: int, stage: int) -> Dict[str, Any]:
    space, edges = architecture.space, architecture.block_edges(block)
    nodes = sorted({edge.source for edge in edges if edge.source != BLOCK_INPUT})
    places = {BLOCK_INPUT: 0, **{node: place for place, node in enumerate(nodes, 1)}}

    def sources(target: Node) -> Any:
        return [places[edge.source] for edge in edges if edge.target == target] or [0]

    plans = []
    for node in nodes:
        operation = space.operations[node.operation]
        if operation not in PAPER_OPERATIONS:
            raise UserError(f'--torch: {operation} is not written in PyTorch; there are {", ".join(PAPER_OPERATIONS)}')
        name = space.node_name(node).replace('.', '_')
        plans.append({'name': name, 'operation': operation, 'sources': sources(node)})
    return {
        'name': f'b{block:02d}',
        'depth': (block + 1) / space.num_blocks,  # the factor on the rate of drop path
        'stage': stage,
        'opens_stage': space.opens_stage(block),
        'nodes': plans,
        'outputs': sources(space.output),
    }

"""What is in a network, as lines of text: blocks in their order, what each of them is made of."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, List, Sequence, Tuple

if TYPE_CHECKING:
    from .architecture import Architecture
    from .space import SearchSpace

WIDTH = 100


def architecture_lines(architecture: Architecture) -> List[str]:
    """Return a line for each set of λ: its surviving operations and edges; and one for each reduction block with λ."""
    rows = [(scope, _block(architecture, scope)) for scope in architecture.scopes]
    branches = range(len(architecture.space.reduction_scopes))
    rows += [
        (architecture.space.reduction_scopes[index], ' + '.join(architecture.reduction_branches(index)))
        for index in branches
    ]
    return listed(rows)


def network_lines(architecture: Architecture, widths: Sequence[int]) -> List[str]:
    """Return a line for each part of a network, in the order in which images pass them. widths: channels by stage."""
    space = architecture.space
    rows: List[Tuple[str, str]] = [('stem', f'{_stem(space)}, 3 -> {widths[0]} channels')]
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        if block and space.opens_stage(block):
            branches = ' + '.join(architecture.reduction_branches(stage - 1))
            rows.append(
                (f'r{stage - 1:02d}', f'{widths[stage - 1]} -> {widths[stage]} channels, half size: {branches}')
            )
        rows.append((f'b{block:02d}', f'{widths[stage]} channels: {_block(architecture, block)}'))
    rows.append(('head', f'average over the image, dense {widths[-1]} -> {space.classes} classes'))
    return listed(rows)


def listed(rows: Sequence[Tuple[str, str]]) -> List[str]:
    """Return lines 'name  text', texts under each other and wrapped."""
    gap = max(len(name) for name, _ in rows) + 4
    lines: List[str] = []
    for name, text in rows:
        first = f'  {name}'.ljust(gap)
        lines += textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=' ' * gap, break_long_words=False)
    return lines


def _stem(space: SearchSpace) -> str:
    return 'conv 3x3' if space.stem == 'cifar' else 'two conv 3x3 of stride 2'


def _block(architecture: Architecture, block: object) -> str:
    edges = architecture.block_edges(block)  # type: ignore[arg-type]
    if not edges:
        return 'nothing is left: the block passes its input on'
    operations = ', '.join(architecture.operations(block))  # type: ignore[arg-type]
    return f'{operations} ({len(edges)} edges)'

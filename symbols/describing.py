"""Spaces, architectures, networks and costs as people read them: lines of text, tables for notebooks."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING, Any, Dict, List, Sequence, Tuple

from ..base.tables import Column, Table
from ..base.text import format_count

if TYPE_CHECKING:
    from .architecture import Architecture
    from .space import SearchSpace

WIDTH = 100  # letters of a line
COUNTS = (
    Column('part', 'part', left=True),
    Column('params', 'params', format_count),
    Column('flops', 'FLOPs', format_count),
    Column('mac', 'MAC', format_count),
)
Rows = Sequence[Tuple[str, str]]  # a name, and what is said of it


class DescribedSpace:
    """What shows a SearchSpace: its text where it is printed, a table in a notebook."""

    def __str__(self) -> str:
        return '\n'.join(['SearchSpace', *listed(space_rows(self))])

    def _repr_html_(self) -> str:
        cells = [
            f'<tr><th style="text-align:left">{html.escape(name)}</th><td style="text-align:left">{html.escape(text)}</td></tr>'
            for name, text in space_rows(self)
        ]
        return f'<table><tbody>{"".join(cells)}</tbody></table>'


def space_rows(space: Any) -> Rows:
    """Return what can be said of a SearchSpace: its λ, its blocks, its widths, its operations."""
    per_block = len(space.block_edges())
    sets = 'one set for all blocks (share)' if space.share else 'one set a block (full)'
    whole = sum(len(group) for group in space.gate_names())
    reductions = (
        '' if not space.reduction_scopes else f', and {len(space.reduction_edges()[0])} in each reduction block'
    )
    return [
        ('λ', f'{whole}: {sets}, {per_block} in a set{reductions}'),
        ('blocks', f'{" + ".join(map(str, space.blocks))} in {len(space.blocks)} stages, {space.num_reductions} reduction blocks'),
        ('channels', ', '.join(map(str, space.widths()))),
        ('block', f'{space.levels} levels of {len(space.operations)} operations: {", ".join(space.operations)}'),
        ('stem', _stem(space)),
        ('classes', str(space.classes)),
    ]  # fmt: skip


def architecture_lines(architecture: Architecture) -> List[str]:
    """Return a line for each set of λ: its surviving operations and edges; and one for each reduction block with λ."""
    rows = [(scope, _block(architecture, scope)) for scope in architecture.scopes]
    for index, scope in enumerate(architecture.space.reduction_scopes):
        rows.append((scope, ' + '.join(architecture.reduction_branches(index))))
    return listed(rows)


def network_text(kind: str, architecture: Architecture, widths: Sequence[int], notes: Sequence[str] = ()) -> str:
    """Describe a network: a line for each part, in the order in which images pass them.

    kind: what it is called. widths: channels by stage. notes: what else is to be said of it.
    """
    space = architecture.space
    rows: List[Tuple[str, str]] = [('stem', f'{_stem(space)}, 3 -> {widths[0]} channels')]
    if space.share:
        rows.insert(0, ('every block', _block(architecture, space.scopes[0])))
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        if block and space.opens_stage(block):
            branches = ' + '.join(architecture.reduction_branches(stage - 1))
            rows.append(
                (f'r{stage - 1:02d}', f'{widths[stage - 1]} -> {widths[stage]} channels, half size: {branches}')
            )
        inside = '' if space.share else f', {_block(architecture, block)}'
        rows.append((f'b{block:02d}', f'{widths[stage]} channels{inside}'))
    rows.append(('head', f'mean over the map, dense {widths[-1]} -> {space.classes} classes'))
    lines = [f'{kind} of {architecture!r}', *listed(rows)]
    return '\n'.join(lines + [f'  with {", ".join(notes)}'] * bool(notes))


def cost_table(parts: Sequence[Any], whole: Any, notes: Sequence[str] = ()) -> Table:
    """Return the table of a network's cost: params, flops and mac of each part, and of the whole, which is its last row."""
    rows = [*((part.name, part) for part in parts), ('whole', whole)]
    content = [{'part': name, 'params': part.params, 'flops': part.flops, 'mac': part.mac} for name, part in rows]
    return Table(content, COUNTS, notes)


def counts(cost: Any) -> str:
    """Write a cost in a line: '1.2 M parameters, 480 M FLOPs, MAC 12 M'."""
    return f'{format_count(cost.params)} parameters, {format_count(cost.flops)} FLOPs, MAC {format_count(cost.mac)}'


def listed(rows: Rows) -> List[str]:
    """Return lines 'name  text', the texts under each other and wrapped."""
    gap = max(len(name) for name, _ in rows) + 4
    lines: List[str] = []
    for name, text in rows:
        first = f'  {name}'.ljust(gap)
        lines += textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=' ' * gap, break_long_words=False)
    return lines


def _stem(space: SearchSpace) -> str:
    return 'conv 3x3' if space.stem == 'cifar' else 'two conv 3x3 of stride 2'


def _block(architecture: Architecture, block: Any) -> str:
    edges = architecture.block_edges(block)
    if not edges:
        return 'nothing is left, the input passes through'
    levels: Dict[int, List[str]] = {}
    for node in architecture.nodes(block):
        levels.setdefault(node.level, []).append(architecture.space.operations[node.operation])
    inside = '; '.join(f'L{level} {" ".join(names)}' for level, names in levels.items())
    return f'{len(edges)} edges: {inside}'

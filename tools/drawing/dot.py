"""Blocks in the language of Graphviz, written without Graphviz."""

from typing import List, Mapping, Sequence

from . import palette
from .dag import Graph, Key
from .pen import NAMES


def dot(graphs: Sequence[Graph], colours: Mapping[str, str], title: str = '') -> str:
    """One digraph with a cluster for each Graph, as text. Edge width is λ where known; what did not survive is light grey."""
    values = [abs(edge.value) for graph in graphs for edge in graph.edges if edge.value is not None and edge.alive]
    largest = max(values or [0]) or 1.0
    lines = [
        'digraph architecture {',
        f'  label={quoted(title)}; labelloc=t; fontname="Helvetica"; newrank=true;',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, height=0.3];',
        '  edge [arrowsize=0.6];',
    ]
    for graph in graphs:
        lines += _cluster(graph, colours, largest)
    return '\n'.join(lines + ['}']) + '\n'


def _cluster(graph: Graph, colours: Mapping[str, str], largest: float) -> List[str]:
    kinds = {node.key: node.kind for node in graph.nodes}
    lines = [
        '  subgraph {} {{'.format(quoted('cluster_' + graph.scope)),
        f'    label={quoted(graph.title)}; color="#cccccc";',
    ]
    for node in graph.nodes:
        label = NAMES[node.kind][0] if node.kind in NAMES else palette.operation_label(node.kind)
        face = colours.get(node.kind, '#f2f2f2') if node.alive else '#ffffff'
        ink = palette.text_on(face) if node.alive else '#b5b5b5'
        lines.append(
            '    {} [label={}, fillcolor="{}", fontcolor="{}", color="{}"{}];'.format(
                _id(graph, node.key),
                quoted(label),
                face,
                ink,
                palette.INK if node.kind in NAMES else face,
                ', shape=circle' if node.kind == 'sum' else '',
            )
        )
    for level in sorted({key[0] for key in kinds}):
        same = [_id(graph, key) for key in kinds if key[0] == level]
        if len(same) > 1:
            lines.append('    {{ rank=same; {}; }}'.format('; '.join(same)))
    for edge in graph.edges:
        style = ['color="%s"' % (colours.get(kinds[edge.source], palette.INK) if edge.alive else palette.FAINT)]
        if edge.name is not None:
            style.append(
                'tooltip={}'.format(quoted(edge.name if edge.value is None else f'{edge.name} = {edge.value:.4g}'))
            )
        if edge.value is not None and edge.alive:
            style.append('penwidth=%.2f' % (0.5 + 3.5 * abs(edge.value) / largest))
        if edge.shortcut:
            style = [f'color="{palette.GREY}"', 'style=dashed'] + (
                ['label="1×1"', 'fontsize=9'] if graph.projected else []
            )
        lines.append('    {} -> {} [{}];'.format(_id(graph, edge.source), _id(graph, edge.target), ', '.join(style)))
    return lines + ['  }']


def _id(graph: Graph, key: Key) -> str:
    return quoted(f'{graph.scope}/{key[0]}.{key[1]}')


def quoted(text: str) -> str:
    """A string of the dot language."""
    return '"{}"'.format(text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n'))

"""Blocks in the language of Graphviz, written without Graphviz."""

from typing import List, Mapping, Sequence

from ...base.text import escaped
from . import palette
from .dag import Graph, Key, Line, Node
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
        f'  subgraph {quoted("cluster_" + graph.scope)} {{',
        f'    label={quoted(graph.title)}; color="#cccccc";',
    ]
    lines += [f'    {_id(graph, node.key)} [{_box(node, colours)}];' for node in graph.nodes]
    for level in sorted({key[0] for key in kinds}):
        same = [_id(graph, key) for key in kinds if key[0] == level]
        if len(same) > 1:
            lines.append(f'    {{ rank=same; {"; ".join(same)}; }}')
    for edge in graph.edges:
        colour = colours.get(kinds[edge.source], palette.INK)
        style = ', '.join(_line(edge, colour, largest, graph.projected))
        lines.append(f'    {_id(graph, edge.source)} -> {_id(graph, edge.target)} [{style}];')
    return lines + ['  }']


def _box(node: Node, colours: Mapping[str, str]) -> str:
    label = NAMES[node.kind][0] if node.kind in NAMES else palette.operation_label(node.kind)
    face = colours.get(node.kind, '#f2f2f2') if node.alive else '#ffffff'
    ink = palette.text_on(face) if node.alive else '#b5b5b5'
    border = palette.INK if node.kind in NAMES else face
    shape = ', shape=circle' if node.kind == 'sum' else ''
    return f'label={quoted(label)}, fillcolor="{face}", fontcolor="{ink}", color="{border}"{shape}'


def _line(edge: Line, colour: str, largest: float, projected: bool) -> List[str]:
    if edge.shortcut:
        return [f'color="{palette.GREY}"', 'style=dashed', *(['label="1×1"', 'fontsize=9'] if projected else [])]
    style = [f'color="{colour if edge.alive else palette.FAINT}"']
    if edge.name is not None:
        style.append(f'tooltip={quoted(edge.name if edge.value is None else f"{edge.name} = {edge.value:.4g}")}')
    if edge.value is not None and edge.alive:
        style.append(f'penwidth={0.5 + 3.5 * abs(edge.value) / largest:.2f}')
    return style


def _id(graph: Graph, key: Key) -> str:
    return quoted(f'{graph.scope}/{key[0]}.{key[1]}')


def quoted(text: str) -> str:
    """A string of the dot language."""
    kept = escaped(text, keep='\n')
    return '"{}"'.format(kept.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n'))

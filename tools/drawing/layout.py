"""Where to draw the parts of a block: operations in rows by level, edges that run around the operations they do not reach.

An edge that skips levels passes each row of operations through a lane of its own between them (edges from one source share the lane,
and part where they go different ways), so that no line crosses a label. Rows are ordered by the barycentre heuristic, and placed by
least squares under the distances that must be kept, which is isotonic regression.
"""

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .dag import Graph, Key, Line

LANE, SHORTCUT, GAP, SWEEPS = 0.13, 0.46, 0.16, 24  # widths in boxes of width 1; narrower for narrower boxes

Item = Tuple[Any, ...]  # ('node', its key), or ('lane', 'shortcut' or the source's key, row)
Rows = List[List[Item]]  # from the input's downwards
Links = Dict[Tuple[Item, Item], int]  # how many edges pass from an item to one in the next row
Place = Mapping[int, int]  # the row of each level
Ports = Mapping[Tuple[Item, Item], List[float]]


@dataclasses.dataclass
class Layout:
    """boxes: {node key: (x, y) of its centre}; routes: (edge, points (x, y)); all within (0, 0) to (width, height)."""

    boxes: Dict[Key, Tuple[float, float]]
    routes: List[Tuple[Line, List[Tuple[float, float]]]]
    width: float
    height: float


def layout(graph: Graph, width: float = 1.0, height: float = 0.4, row: float = 0.5) -> Layout:
    """Place a Graph. width, height: of an operation's box; row: the least distance between the boxes of two levels."""
    part = 0.4 + 0.6 * width
    levels = sorted({node.key[0] for node in graph.nodes})
    place = {level: at for at, level in enumerate(levels)}
    rows, links = _rows(graph, place)
    size = {
        item: (SHORTCUT if item[1] == 'shortcut' else LANE) * part if item[0] == 'lane' else width
        for items in rows
        for item in items
    }
    _order(rows, links)
    xs = _positions(rows, links, size, GAP * part)
    ys = _heights(rows, links, height, row)
    _straighten(rows, xs, size)
    left = min(xs[item] - size[item] / 2 for items in rows for item in items)
    right = max(xs[item] + size[item] / 2 for items in rows for item in items)
    xs = {item: x - left for item, x in xs.items()}
    boxes = {node.key: (xs[('node', node.key)], ys[place[node.key[0]]]) for node in graph.nodes}
    ports = _ports(links, xs, width)
    routes = [(edge, _route(edge, place, ys, ports, height)) for edge in graph.edges]
    return Layout(boxes, routes, right - left, ys[0] + height / 2)


def _path(edge: Line, place: Place) -> List[Item]:
    """The items, row by row, that an edge passes: its source, the lanes, its target."""
    first, last = place[edge.source[0]], place[edge.target[0]]
    kind = 'shortcut' if edge.shortcut else edge.source
    lanes = [('lane', kind, at) for at in range(first + 1, last)]
    return [('node', edge.source), *lanes, ('node', edge.target)]


def _rows(graph: Graph, place: Place) -> Tuple[Rows, Links]:
    rows: Rows = [[] for _ in place]
    links: Links = {}
    for node in graph.nodes:
        rows[place[node.key[0]]].append(('node', node.key))
    for edge in graph.edges:
        path = _path(edge, place)
        for at, item in enumerate(path[1:-1], place[edge.source[0]] + 1):
            if item not in rows[at]:
                rows[at].append(item)
        for pair in zip(path, path[1:]):
            links[pair] = links.get(pair, 0) + 1
    return rows, links


def _neighbours(links: Links) -> Tuple[Dict[Item, List[Item]], Dict[Item, List[Item]]]:
    above: Dict[Item, List[Item]] = {}
    below: Dict[Item, List[Item]] = {}
    for source, target in links:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    return above, below


def _order(rows: Rows, links: Links) -> None:
    """Sort each row by where its neighbours in the next row are, down and up; keep the best order met. The shortcut stays outermost."""
    above, below = _neighbours(links)
    for items in rows:
        items.sort(key=lambda item: (item[1] == 'shortcut', item[0] == 'lane', item[1]))
    best, fewest = [list(items) for items in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for at in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            other = rows[at - 1] if down else rows[at + 1]
            spot = {item: (index + 0.5) / len(other) for index, item in enumerate(other)}
            near = above if down else below
            mean = {}
            for index, item in enumerate(rows[at]):
                spots = [spot[neighbour] for neighbour in near.get(item, ())] or [(index + 0.5) / len(rows[at])]
                mean[item] = sum(spots) / len(spots)
            rows[at].sort(key=lambda item: (item[1] == 'shortcut', mean[item]))
        crossings = _crossings(rows, links)
        if crossings < fewest:
            best, fewest = [list(items) for items in rows], crossings
    for items, kept in zip(rows, best):
        items[:] = kept


def _crossings(rows: Rows, links: Links) -> int:
    at = {item: index for items in rows for index, item in enumerate(items)}
    level = {item: row for row, items in enumerate(rows) for item in items}
    total = 0
    for row in range(len(rows) - 1):
        pairs = sorted((at[source], at[target]) for source, target in links if level[source] == row)
        ends = [end for _, end in pairs]
        total += sum(later < end for index, end in enumerate(ends) for later in ends[index + 1 :])
    return total


def _positions(rows: Rows, links: Links, size: Mapping[Item, float], gap: float) -> Dict[Item, float]:
    """x of every item but the shortcut's, near its neighbours in both rows; each row is drawn half way to the middle, against drift."""
    above, below = _neighbours(
        {pair: count for pair, count in links.items() if 'shortcut' not in (pair[0][1], pair[1][1])}
    )
    rows = [[item for item in items if item[1] != 'shortcut'] for items in rows]
    xs = {item: float(index) for items in rows for index, item in enumerate(items)}
    for sweep in range(SWEEPS + 1):
        for items in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = []
            for item in items:
                near = above.get(item, []) + below.get(item, [])
                wanted.append(sum(xs[other] for other in near) / len(near) if near else xs[item])
            placed = _apart(
                wanted, [4.0 if item[0] == 'lane' else 1.0 for item in items], [size[item] for item in items], gap
            )
            drift = (placed[0] - size[items[0]] / 2 + placed[-1] + size[items[-1]] / 2) / 4 if len(items) > 1 else 0.0
            xs.update((item, x - drift) for item, x in zip(items, placed))
    return xs


def _straighten(rows: Rows, xs: Dict[Item, float], size: Mapping[Item, float]) -> None:
    """The shortcut runs straight down, beside all else."""
    edge = max(x + size[item] / 2 for item, x in xs.items())
    for items in rows:
        for item in items:
            if item[1] == 'shortcut':
                xs[item] = edge + size[item] / 2


def _apart(wanted: Sequence[float], weights: Sequence[float], sizes: Sequence[float], gap: float) -> List[float]:
    """Positions nearest to `wanted` in weighted least squares, in this order and not nearer than their sizes and a gap allow.

    Minus the distances to keep, positions need only not decrease: pool adjacent violators solves that exactly.
    """
    offsets = [0.0]
    for left, right in zip(sizes, sizes[1:]):
        lanes = left == right == min(sizes)
        offsets.append(offsets[-1] + (left + right) / 2 + (0 if lanes and len(set(sizes)) > 1 else gap / 2))
    pools: List[Tuple[float, float, int]] = []  # value, weight, how many positions
    for value, weight in zip((want - offset for want, offset in zip(wanted, offsets)), weights):
        length = 1
        while pools and pools[-1][0] > value:
            before, heavy, many = pools.pop()
            value = (before * heavy + value * weight) / (heavy + weight)
            weight, length = heavy + weight, many + length
        pools.append((value, weight, length))
    flat = [value for value, _, length in pools for _ in range(length)]
    return [value + offset for value, offset in zip(flat, offsets)]


def _heights(rows: Rows, links: Links, height: float, row: float) -> List[float]:
    """The y of each row, downwards; the more lines cross between two rows, the farther they are apart."""
    level = {item: at for at, items in enumerate(rows) for item in items}
    crowd = [sum(1 for source, _ in links if level[source] == at) for at in range(len(rows) - 1)]
    ys = [height / 2]
    for lines in reversed(crowd):
        ys.append(ys[-1] + height + row + 0.02 * min(lines, 50))
    return ys[::-1]


def _ports(links: Links, xs: Mapping[Item, float], width: float) -> Ports:
    """Where on the boxes lines begin and end: {(item, item): (x at the first, x at the second)}, spread in the order of where they go."""
    ports = {pair: [xs[pair[0]], xs[pair[1]]] for pair in links}
    for side in (0, 1):
        ends: Dict[Item, List[Tuple[Item, Item]]] = {}
        for pair in links:
            if pair[side][0] == 'node':
                ends.setdefault(pair[side], []).append(pair)
        for item, pairs in ends.items():
            pairs.sort(key=lambda pair: xs[pair[1 - side]])
            step = min(0.14 * width, 0.72 * width / max(len(pairs) - 1, 1))
            for index, pair in enumerate(pairs):
                ports[pair][side] = xs[item] + step * (index - (len(pairs) - 1) / 2)
    return ports


def _route(edge: Line, place: Place, ys: Sequence[float], ports: Ports, height: float) -> List[Tuple[float, float]]:
    path, at = _path(edge, place), place[edge.source[0]]
    points: List[Tuple[float, float]] = []
    for source, target in zip(path, path[1:]):
        begin, end = ports[(source, target)]
        points += [(begin, ys[at] - height / 2), (end, ys[at + 1] + height / 2)]
        at += 1
    return points

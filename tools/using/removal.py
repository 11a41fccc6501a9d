"""Does λ rank what it keeps: a search's supernet loses edges one after another, in the order of λ and in others.

After each removal batch norm's running statistics are recomputed for what is left, and the supernet is tested; W and the other λ stay as
they are. If λ say how much an edge is worth, the order of smallest λ first hurts less than a random order, and its reverse more.
"""

import functools
import random
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from ...symbols.architecture import Architecture
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet
from . import supernets

SMALLEST, RELATIVE, LARGEST, RANDOM = 'smallest λ', 'smallest in its group', 'largest λ', 'random'
Values = List[np.ndarray]
Measure = Callable[[Supernet], Tuple[float, float]]


class Point(NamedTuple):
    """order: by which edges went. removed: how many of them. edges, operations: of blocks, what is left, isolated ones not counted.

    loss, error: of the supernet without them; error in percent.
    """

    order: str
    removed: int
    edges: int
    operations: int
    loss: float
    error: float


def orders(space: SearchSpace, values: Values, randoms: int) -> Dict[str, List[int]]:
    """Return {order: places of the block edges whose λ is not zero, the first to go first}; places count through all vectors."""
    flat = np.abs(np.concatenate(values))
    size = sum(len(values[place]) for place in range(len(space.scopes)))  # reduction blocks come behind
    alive = np.flatnonzero(flat[:size])
    norms, start = np.ones(len(flat)), 0
    for value, groups in zip(values, space.gate_groups()):
        for group in set(groups):
            members = start + np.flatnonzero(np.array(groups) == group)
            norms[members] = np.sqrt((flat[members] ** 2).sum()) or 1.0
        start += len(value)
    smallest = alive[np.argsort(flat[alive], kind='stable')].tolist()
    found = {
        SMALLEST: smallest,
        RELATIVE: alive[np.argsort((flat / norms)[alive], kind='stable')].tolist(),
        LARGEST: smallest[::-1],
    }
    for number in range(1, randoms + 1):
        shuffled = sorted(smallest)
        random.Random(f'dsonas.removal:{number}').shuffle(shuffled)
        found[f'{RANDOM} {number}'] = shuffled
    return found


def removals(net: Supernet, points: int, randoms: int, measure: Measure) -> Iterator[Point]:
    """Yield a Point for each order and size: `points` of them, from all edges to nearly none, as many edges left in each order.

    Orders that take an operation's only way out leave less than was taken: what is compared is what is left.
    measure: function of a supernet giving (loss, error), after it has recomputed the running statistics. λ of `net` are put back.
    """
    before = net.gate_values()

    def left(places: Sequence[int]) -> Architecture:
        return Architecture.from_lambda(net.space, _without(before, places)).within(net.architecture)

    def remaining(places: Sequence[int], count: int) -> int:
        return num_edges(left(places[:count]))

    try:
        start, whole = measure(net), num_edges(left([]))
        for order, places in orders(net.space, before, randoms).items():
            last = -1
            for step in range(points):
                count = _first(len(places), functools.partial(remaining, places), round(whole * (1 - step / points)))
                if count == last:
                    continue
                last, architecture = count, left(places[:count])
                operations = sum(len(architecture.operations(scope)) for scope in architecture.scopes)
                values = _without(before, places[:count])
                loss, error = start if not count else measure(_cut(net, architecture, values))
                yield Point(order, count, num_edges(architecture), operations, loss, error)
    finally:
        supernets.set_gates(net, before)


def num_edges(architecture: Architecture) -> int:
    """Count the edges of blocks: all sets of λ, reduction blocks left out."""
    return sum(len(architecture.edges(scope)) for scope in architecture.scopes)


def _first(most: int, left: Callable[[int], int], wanted: int) -> int:
    """Return the smallest number of removals, up to `most`, that leaves `wanted` edges or fewer."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if left(middle) <= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def _without(values: Values, places: Sequence[int]) -> Values:
    flat = np.concatenate(values)
    flat[list(places)] = 0
    return np.split(flat, np.cumsum([len(value) for value in values])[:-1])


def _cut(net: Supernet, left: Architecture, values: Values) -> Supernet:
    """Return a supernet over the Parameters of `net` that computes what is left: the same graph, or where a block is lost, another one."""
    masks = left.masks()
    supernets.set_gates(net, [np.where(mask, value, 0) for mask, value in zip(masks, values)])
    lost = [scope for scope in left.scopes if left.is_identity(scope) and not net.architecture.is_identity(scope)]
    if not lost:
        return net
    return supernets.compiled(Supernet(net.space, left, params=net.collect_params()))


def summary(points: Sequence[Point]) -> Dict[str, Any]:
    """Return {order: mean error over the edges left}, random orders as {'mean', 'std', 'of'}, and how many of them each other one beats.

    The mean is of straight lines between points, over the numbers of edges that every order has reached.
    """
    lines = {
        order: sorted({point.edges: point.error for point in points if point.order == order}.items())
        for order in dict.fromkeys(point.order for point in points)
    }
    grid = np.linspace(max(line[0][0] for line in lines.values()), min(line[-1][0] for line in lines.values()), 200)
    means = {
        order: float(np.mean(np.interp(grid, [size for size, _ in line], [error for _, error in line])))
        for order, line in lines.items()
    }
    drawn = [mean for order, mean in means.items() if order.startswith(RANDOM)]
    result: Dict[str, Any] = {'mean_error': {o: m for o, m in means.items() if not o.startswith(RANDOM)}}
    result['edges'] = [round(float(grid[0])), round(float(grid[-1]))]
    if drawn:
        std = float(np.std(drawn, ddof=1)) if len(drawn) > 1 else None
        result['random'] = {'mean': float(np.mean(drawn)), 'std': std, 'of': len(drawn)}
        result['beaten'] = {order: sum(mean < other for other in drawn) for order, mean in result['mean_error'].items()}
    return result


def told(result: Dict[str, Any]) -> List[str]:
    """The summary as lines."""
    lines = []
    for order, mean in result['mean_error'].items():
        beaten = (
            f', below {result["beaten"][order]} of {result["random"]["of"]} random orders' if 'random' in result else ''
        )
        lines.append(
            f'{order} first: mean error {mean:.2f} % from {result["edges"][1]} to {result["edges"][0]} edges{beaten}'
        )
    if 'random' in result:
        drawn = result['random']
        spread = '' if drawn['std'] is None else f' ± {drawn["std"]:.2f}'
        lines.append(f'random orders: {drawn["mean"]:.2f}{spread} %')
    return lines

"""Does λ rank what it keeps: a search's supernet loses edges one after another, in the order of λ and in others.

After each removal batch norm's running statistics are recomputed for what is left, and the supernet is tested; W and the other λ stay as
they are. If λ say how much an edge is worth, the order of smallest λ first hurts less than a random order, and its reverse more.
"""

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
    """order: by which edges went. removed: how many of them. edges, operations: what is left, isolated ones not counted.

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
    """Yield a Point for each order and number of removed edges: `points` of them from none to nearly all.

    measure: function of a supernet giving (loss, error), after it has recomputed the running statistics. λ of `net` are put back.
    """
    before = net.gate_values()
    whole = net.architecture
    try:
        start = measure(net)
        for order, places in orders(net.space, before, randoms).items():
            for step in range(min(points, len(places))):
                count = round(step * len(places) / points)
                values = _without(before, places[:count])
                left = Architecture.from_lambda(net.space, values).within(whole)
                operations = sum(len(left.operations(scope)) for scope in left.scopes)
                loss, error = start if not count else measure(_cut(net, left, values))
                yield Point(order, count, left.num_edges, operations, loss, error)
    finally:
        supernets.set_gates(net, before)


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
    """Return {order: mean error over its removals}, random orders as {'mean', 'std', 'of'}, and how λ stands among them."""
    means: Dict[str, float] = {}
    for order in dict.fromkeys(point.order for point in points):
        errors = [point.error for point in points if point.order == order and point.removed]
        if errors:
            means[order] = float(np.mean(errors))
    drawn = [mean for order, mean in means.items() if order.startswith(RANDOM)]
    result: Dict[str, Any] = {'mean_error': {o: m for o, m in means.items() if not o.startswith(RANDOM)}}
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
        lines.append(f'{order} first: mean error {mean:.2f} % over the removals{beaten}')
    if 'random' in result:
        drawn = result['random']
        spread = '' if drawn['std'] is None else f' ± {drawn["std"]:.2f}'
        lines.append(f'random orders: {drawn["mean"]:.2f}{spread} %')
    return lines

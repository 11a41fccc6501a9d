"""λ: one Parameter for each set of scaling factors, apart from the weights, and the way from its vector to a level's matrix."""

LAMBDA = 'lambda'


def gate_parameters(space, params):
    """λ Parameters in `params` (a ParameterDict), all ones: one vector for each of space.gate_names(), in order."""
    scopes = space.scopes + space.reduction_scopes
    return [
        params.get(f'{scope}_{LAMBDA}', shape=(len(names),), init='ones', wd_mult=0.0)
        for scope, names in zip(scopes, space.gate_names())
    ]


def runs(places):
    """Consecutive places, sorted, as (begin, end) ranges."""
    found = []
    for place in places:
        if found and found[-1][1] == place:
            found[-1][1] += 1
        else:
            found.append([place, place + 1])
    return [tuple(run) for run in found]


def take(F, array, places, size, axis=0):
    """The entries at sorted `places` along an axis of `size`, by as few slices as there are runs; nothing is done where all are taken."""
    if len(places) == size:
        return array
    parts = [F.slice_axis(array, axis=axis, begin=begin, end=end) for begin, end in runs(places)]
    return parts[0] if len(parts) == 1 else F.concat(*parts, dim=axis)


class GateLayout:
    """Where in a block's λ vector the λ of each level's operations stand, and those of the output."""

    def __init__(self, space):
        self._space = space
        self._sources = {}
        self._begin = {}
        for place, edge in enumerate(space.block_edges()):
            level = edge.target[0]
            self._begin.setdefault(level, place)
            if edge.target[1] == 0:
                self._sources.setdefault(level, []).append(edge.source)

    def gated(self, level):
        """Whether edges into `level` carry a λ."""
        return level in self._begin

    def matrix(self, F, lam, level, targets, sources):
        """λ of the edges from `sources` to `targets` (operation indices of `level`): (len(targets), len(sources))."""
        columns, rows = self._sources[level], len(self._space.operations) if level <= self._space.levels else 1
        begin = self._begin[level]
        block = F.slice_axis(lam, axis=0, begin=begin, end=begin + rows * len(columns))
        block = F.reshape(block, shape=(rows, len(columns)))
        block = take(F, block, targets, rows, axis=0)
        return take(F, block, [columns.index(source) for source in sources], len(columns), axis=1)

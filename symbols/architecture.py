"""An architecture: which edges of a search space survive. Plain data, JSON, no MXNet.

Isolated operations, those with no surviving way to the block's output, or (from the second level on) no surviving input, are
removed with their edges until nothing changes (Sec. 3.2), so two architectures that compute the same are equal.
"""

import random

from ..base import files
from ..base.errors import UserError
from .space import INPUT, REDUCTION_BRANCHES, SearchSpace

FORMAT = 'dsonas.architecture'
VERSION = 1
KEYS = ('format', 'version', 'space', 'blocks', 'reductions')
RANDOM_TRIES = 1000


class Architecture:
    """Surviving edges of each set of λ of a SearchSpace.

    space: the SearchSpace. blocks: for each of space.scopes the surviving edges (names with or without the scope).
    reductions: for each of space.reduction_scopes the surviving branches; all of them when None. A reduction block whose
    branches are all zero keeps conv_1x1, its cheapest, since nothing could pass otherwise.

    Raises UserError for a name that is not of the space.
    """

    def __init__(self, space, blocks, reductions=None):
        self.space = space
        if len(blocks) != len(space.scopes):
            raise ValueError(
                'architecture: %d blocks where the space has %d (%s … %s)'
                % (len(blocks), len(space.scopes), space.scopes[0], space.scopes[-1])
            )
        self._blocks = tuple(
            tuple(connected(space, _parse(space, scope, names))) for scope, names in zip(space.scopes, blocks)
        )
        if reductions is None:
            reductions = [REDUCTION_BRANCHES] * len(space.reduction_scopes)
        if len(reductions) != len(space.reduction_scopes):
            raise ValueError(
                'architecture: %d reduction blocks where the space has %d with λ'
                % (len(reductions), len(space.reduction_scopes))
            )
        self._reductions = tuple(
            _parse_reduction(scope, names) for scope, names in zip(space.reduction_scopes, reductions)
        )

    # Ways to make one.

    @classmethod
    def full(cls, space):
        """The completely connected network."""
        return cls(space, space.edges())

    @classmethod
    def from_lambda(cls, space, arrays):
        """What is not exactly zero survives.

        arrays: one vector for each of space.gate_names(), in order; those of the reduction blocks may be left out.
        """
        names = space.gate_names()
        if len(arrays) not in (len(names), len(space.scopes)):
            raise ValueError(
                'λ: %d vectors where the space has %d (%d of blocks, %d of reduction blocks)'
                % (len(arrays), len(names), len(space.scopes), len(space.reduction_scopes))
            )
        kept = []
        for group, array in zip(names, arrays):
            values = [float(value) for value in array]
            if len(values) != len(group):
                raise ValueError(
                    'λ of %s: %d values where %d are expected' % (group[0].split('/')[0], len(values), len(group))
                )
            kept.append([name for name, value in zip(group, values) if value != 0])
        blocks = len(space.scopes)
        return cls(space, kept[:blocks], kept[blocks:] if len(arrays) > blocks else None)

    @classmethod
    def random(cls, space, seed, keep=0.4):
        """A random sub-graph: each block keeps the share `keep` of its edges, drawn uniformly, before isolated ones are removed.

        seed: a whole number; the same seed gives the same architecture. Reduction blocks keep both branches. A draw that leaves
        a block with nothing is drawn again; UserError where that does not end.
        """
        edges = space.block_edges()
        if not 0 < keep <= 1:
            raise UserError(f'keep: {keep!r} is not a share above 0 and at most 1')
        generator = random.Random(f'dsonas.random:{seed}')
        count = max(1, round(keep * len(edges)))
        blocks = []
        for scope in space.scopes:
            for _ in range(RANDOM_TRIES):
                kept = connected(space, generator.sample(edges, count))
                if kept:
                    break
            else:
                raise UserError(
                    'keep: with %g of its edges block %s stayed empty in %d draws; take more'
                    % (keep, scope, RANDOM_TRIES)
                )
            blocks.append([edge.name for edge in kept])
        return cls(space, blocks)

    # What survives.

    @property
    def scopes(self):
        """Names of the sets of λ: ('shared',), or one a block."""
        return self.space.scopes

    def block_edges(self, block):
        """Surviving edges of a block (its number or its scope) as space.Edge, in the space's order."""
        return self._blocks[self.space.scope_index(block)]

    def edges(self, block):
        """Names of the surviving edges of a block (its number or its scope), in order."""
        scope = self.space.scopes[self.space.scope_index(block)]
        return tuple(f'{scope}/{edge.name}' for edge in self.block_edges(block))

    def nodes(self, block):
        """Surviving operations of a block as (level, operation index), in order."""
        return tuple(sorted({edge.source for edge in self.block_edges(block) if edge.source[0] > 0}))

    def operations(self, block):
        """Names of the surviving operations of a block, such as 'L1.sep_conv_3x3', in order."""
        return tuple(self.space.node_name(node) for node in self.nodes(block))

    def is_identity(self, block):
        """Whether nothing survives in the block: its output is then its input (below eq. 4)."""
        return not self._blocks[self.space.scope_index(block)]

    def reduction_branches(self, index):
        """Surviving branches of reduction block `index`; both where they carry no λ."""
        return self._reductions[index] if self.space.searchable_reduction else REDUCTION_BRANCHES

    def reduction_edges(self, index):
        """Names of the surviving λ of reduction block `index`; empty where they carry none."""
        scopes = self.space.reduction_scopes
        return tuple(f'{scopes[index]}/out<-{branch}' for branch in self._reductions[index]) if scopes else ()

    @property
    def num_edges(self):
        """Surviving edges that carry a λ, reduction blocks included."""
        return sum(len(edges) for edges in self._blocks) + sum(len(branches) for branches in self._reductions)

    def masks(self):
        """One list of booleans for each of space.gate_names(): what survives."""
        alive = set()
        for scope in self.scopes:
            alive.update(self.edges(scope))
        for index in range(len(self.space.reduction_scopes)):
            alive.update(self.reduction_edges(index))
        return [[name in alive for name in group] for group in self.space.gate_names()]

    def with_space(self, space):
        """The same blocks in another space of equal levels and operations: transfer to another network.

        A shared architecture goes to any number of stages and blocks, widths, classes and stems; an unshared one needs equal
        stages. Reduction branches go along where the number of reduction blocks is equal, and are all kept otherwise.
        """
        for field in ('share', 'levels', 'operations', 'first_level_gates'):
            if getattr(space, field) != getattr(self.space, field):
                raise UserError(
                    f'space.{field}: the architecture has {getattr(self.space, field)!r}, the network asked for {getattr(space, field)!r}'
                )
        if not space.share and space.blocks != self.space.blocks:
            raise UserError(
                f'space.blocks: an architecture without sharing has {self.space.blocks!r} and goes to no other number of blocks, here {space.blocks!r}'
            )
        same = len(space.reduction_scopes) == len(self.space.reduction_scopes)
        return Architecture(space, [self.edges(scope) for scope in self.scopes], self._reductions if same else None)

    def within(self, other):
        """What both architectures (of one space) have; of a reduction block all that `other` has where they have no branch in common."""
        if self.space != other.space:
            raise ValueError('architecture: it belongs to another search space')
        blocks = [set(self.edges(scope)) & set(other.edges(scope)) for scope in self.scopes]
        reductions = [set(own) & set(others) or others for own, others in zip(self._reductions, other._reductions)]
        return Architecture(self.space, blocks, reductions)

    # JSON.

    def to_dict(self):
        """Plain data, as in the JSON file."""
        return {
            'format': FORMAT,
            'version': VERSION,
            'space': self.space.to_dict(),
            'blocks': {scope: list(self.edges(scope)) for scope in self.scopes},
            'reductions': {
                scope: list(self.reduction_edges(index)) for index, scope in enumerate(self.space.reduction_scopes)
            },
        }

    @classmethod
    def from_dict(cls, values):
        """The architecture that to_dict() described. Raises UserError that says what is wrong, where, and what is accepted."""
        if not isinstance(values, dict) or values.get('format') != FORMAT:
            raise UserError(f'not an architecture: "format" is not "{FORMAT}"')
        for key in values:
            if key not in KEYS:
                raise UserError('unknown key {!r}; accepted are {}'.format(key, ', '.join(KEYS)))
        if values.get('version') != VERSION:
            raise UserError('version %r is not %d, the one this program reads' % (values.get('version'), VERSION))
        space = SearchSpace.from_dict(values.get('space'))
        blocks = _by_scope(values, 'blocks', space.scopes)
        return cls(
            space, blocks, _by_scope(values, 'reductions', space.reduction_scopes) if 'reductions' in values else None
        )

    def save(self, path):
        """Write JSON, whole or not at all."""
        files.write_json(path, self.to_dict())

    @classmethod
    def load(cls, path):
        """Read JSON. Raises OSError where it cannot be read, UserError naming the file and what is wrong in it."""
        values = files.read_json(path)
        try:
            return cls.from_dict(values)
        except UserError as error:
            raise UserError(f'{path}: {error}') from None

    def __eq__(self, other):
        return isinstance(other, Architecture) and self.to_dict() == other.to_dict()

    def __hash__(self):
        return hash((self.space, self._blocks, self._reductions))

    def __repr__(self):
        return 'Architecture(%s, %d of %d edges)' % (
            'share' if self.space.share else 'full',
            self.num_edges,
            sum(len(group) for group in self.space.gate_names()),
        )


def connected(space, edges):
    """The edges (space.Edge) of one block that are left when isolated operations are removed until nothing changes."""
    edges, before = set(edges), None
    first_level_reads = not space.first_level_gates
    while edges != before:
        before = edges
        feeding = {edge.source for edge in edges}
        fed = {edge.target for edge in edges} | {(0, 0)}
        output = (space.levels + 1, 0)
        edges = {
            edge
            for edge in edges
            if (edge.target == output or edge.target in feeding)
            and (edge.source in fed or (first_level_reads and edge.source[0] == 1))
        }
    return [edge for edge in space.block_edges() if edge in edges]


def _parse(space, scope, names):
    known = {edge.name: edge for edge in space.block_edges()}
    edges = []
    for name in names:
        plain = name[len(scope) + 1 :] if isinstance(name, str) and name.startswith(scope + '/') else name
        if not isinstance(plain, str) or plain not in known:
            raise UserError(f'block {scope}: unknown edge {name!r}; {_why_unknown(space, plain)}')
        edges.append(known[plain])
    return edges


def _why_unknown(space, name):
    """One clause on what is wrong with an edge's name."""
    example = space.block_edges()[-1].name
    if not isinstance(name, str) or name.count('<-') != 1:
        return f'an edge is written like {example!r}'
    outputs = ['out'] + [space.node_name(node) for node in space.nodes()]
    target, source = name.split('<-')
    for end in (target, source):
        operation = end.partition('.')[2]
        if operation and operation not in space.operations:
            return 'operations of this space are {}'.format(', '.join(space.operations))
        if end not in outputs and end != INPUT:
            return 'levels of this space are L1 to L%d, and an edge is written like %r' % (space.levels, example)
    return f'no edge runs from {source} to {target}'


def _parse_reduction(scope, names):
    branches = []
    for name in names:
        branch = str(name).split('<-')[-1]
        if branch not in REDUCTION_BRANCHES or name not in (branch, f'{scope}/out<-{branch}'):
            raise UserError(
                'reduction {}: unknown branch {!r}; accepted are {}'.format(scope, name, ', '.join(REDUCTION_BRANCHES))
            )
        branches.append(branch)
    return tuple(branch for branch in REDUCTION_BRANCHES if branch in branches) or REDUCTION_BRANCHES[:1]


def _by_scope(values, key, scopes):
    groups = values.get(key)
    if not isinstance(groups, dict):
        raise UserError(f'"{key}" is missing or not a mapping')
    for scope in list(groups) + list(scopes):
        if scope not in scopes or scope not in groups:
            raise UserError(
                '"{}": {} {!r}; accepted are {}'.format(
                    key, 'unknown' if scope not in scopes else 'missing', scope, ', '.join(scopes) or 'none'
                )
            )
        if not isinstance(groups[scope], list):
            raise UserError(f'"{key}": {scope!r} is not a list of edge names')
    return [groups[scope] for scope in scopes]

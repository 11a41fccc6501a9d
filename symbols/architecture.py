"""An architecture: which edges of a search space survive. Plain data, JSON, no MXNet.

Isolated operations, those with no surviving path to the block's output, or (from the second level on) no surviving input, are
removed with their edges until nothing changes (Sec. 3.2), so two architectures that compute the same are equal.
"""

from __future__ import annotations

import random
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ..base import documents, files, pictures
from ..base.errors import UserError
from . import describing
from .edge_names import names_by_scope, parse_branches, parse_edges
from .space import BLOCK_INPUT, REDUCTION_BRANCHES, Edge, Node, SearchSpace

FORMAT, VERSION = 'dsonas.architecture', 1
PROVENANCE = 'provenance'  # what a file may say of where it is from: a mapping, which is not read here
KEYS = ('format', 'version', 'space', 'blocks', 'reductions', PROVENANCE)
RANDOM_TRIES = 1000
Names = Iterable[Any]  # of edges or branches; unchecked, so of any type
Block = Union[int, str]  # a block's number, or its scope


class Architecture:
    """Surviving edges of each set of λ of a SearchSpace.

    space: the SearchSpace. blocks: for each of space.scopes the surviving edges (names with or without the scope).
    reductions: for each of space.reduction_scopes the surviving branches; all of them when None. A reduction block whose
    branches are all zero keeps conv_1x1, its cheapest, since nothing could pass otherwise.

    Raises UserError for a name that is not of the space, ValueError for another number of blocks or reduction blocks.
    """

    def __init__(
        self, space: SearchSpace, blocks: Sequence[Names], reductions: Optional[Sequence[Names]] = None
    ) -> None:
        self.space = space
        scopes, reduction_scopes = space.scopes, space.reduction_scopes
        if len(blocks) != len(scopes):
            raise ValueError(
                f'architecture: {len(blocks)} blocks where the space has {len(scopes)} ({scopes[0]} … {scopes[-1]})'
            )
        parsed = [parse_edges(space, scope, names) for scope, names in zip(scopes, blocks)]
        self._blocks = tuple(tuple(connected(space, edges)) for edges in parsed)
        if reductions is None:
            reductions = [REDUCTION_BRANCHES] * len(reduction_scopes)
        if len(reductions) != len(reduction_scopes):
            raise ValueError(
                f'architecture: {len(reductions)} reduction blocks where the space has {len(reduction_scopes)} with λ'
            )
        self._reductions = tuple(parse_branches(scope, names) for scope, names in zip(reduction_scopes, reductions))

    # Ways to make one.

    @classmethod
    def full(cls, space: SearchSpace) -> Architecture:
        """Return the completely connected network."""
        return cls(space, space.edges())

    @classmethod
    def from_lambda(cls, space: SearchSpace, arrays: Sequence[Iterable[Any]]) -> Architecture:
        """Keep the edges whose λ is not exactly zero.

        arrays: one vector for each of space.gate_names(), in order; those of the reduction blocks may be left out.
        Raises ValueError for another number of vectors, or of values in one.
        """
        names, blocks = space.gate_names(), len(space.scopes)
        if len(arrays) not in (len(names), blocks):
            raise ValueError(
                f'λ: {len(arrays)} vectors where the space has {len(names)} '
                f'({blocks} of blocks, {len(space.reduction_scopes)} of reduction blocks)'
            )
        kept = []
        for scope, group, array in zip(space.scopes + space.reduction_scopes, names, arrays):
            values = [float(value) for value in array]
            if len(values) != len(group):
                raise ValueError(f'λ of {scope}: {len(values)} values where {len(group)} are expected')
            kept.append([name for name, value in zip(group, values) if value != 0])
        return cls(space, kept[:blocks], kept[blocks:] if len(arrays) > blocks else None)

    @classmethod
    def random(cls, space: SearchSpace, seed: int, keep: float = 0.4) -> Architecture:
        """Draw a sub-graph: each block keeps the share `keep` of its edges, uniformly, before isolated ones are removed.

        seed: a whole number; the same seed gives the same architecture. Reduction blocks keep both branches. A draw that leaves
        a block empty is repeated; raises UserError where RANDOM_TRIES draws do.
        """
        edges = space.block_edges()
        if not 0 < keep <= 1:
            raise UserError(f'keep: {keep!r} is not a share above 0 and at most 1')
        generator, count = random.Random(f'dsonas.random:{seed}'), max(1, round(keep * len(edges)))
        blocks = []
        for scope in space.scopes:
            for _ in range(RANDOM_TRIES):
                kept = connected(space, generator.sample(edges, count))
                if kept:
                    break
            else:
                raise UserError(
                    f'keep: with {keep:g} of its edges block {scope} stayed empty in {RANDOM_TRIES} draws; take more'
                )
            blocks.append([edge.name for edge in kept])
        return cls(space, blocks)

    # What survives.

    @property
    def scopes(self) -> Tuple[str, ...]:
        """Names of the sets of λ: ('shared',), or one a block."""
        return self.space.scopes

    def block_edges(self, block: Block) -> Tuple[Edge, ...]:
        """Return the surviving edges of a block (its number or its scope), in the space's order."""
        return self._blocks[self.space.scope_index(block)]

    def edges(self, block: Block) -> Tuple[str, ...]:
        """Return the names of the surviving edges of a block (its number or its scope), in order."""
        scope = self.space.scopes[self.space.scope_index(block)]
        return tuple(f'{scope}/{edge.name}' for edge in self.block_edges(block))

    def nodes(self, block: Block) -> Tuple[Node, ...]:
        """Return the surviving operations of a block, in order."""
        return tuple(sorted({edge.source for edge in self.block_edges(block) if edge.source != BLOCK_INPUT}))

    def operations(self, block: Block) -> Tuple[str, ...]:
        """Return the names of the surviving operations of a block, such as 'L1.sep_conv_3x3', in order."""
        return tuple(self.space.node_name(node) for node in self.nodes(block))

    def is_identity(self, block: Block) -> bool:
        """Tell whether nothing survives in the block: its output is then its input (below eq. 4)."""
        return not self._blocks[self.space.scope_index(block)]

    def reduction_branches(self, index: int) -> Tuple[str, ...]:
        """Return the surviving branches of reduction block `index`; both where they carry no λ."""
        return self._reductions[index] if self.space.searchable_reduction else REDUCTION_BRANCHES

    def reduction_edges(self, index: int) -> Tuple[str, ...]:
        """Return the names of the surviving λ of reduction block `index`; empty where they carry none."""
        scopes = self.space.reduction_scopes
        return tuple(f'{scopes[index]}/out<-{branch}' for branch in self._reductions[index]) if scopes else ()

    @property
    def num_edges(self) -> int:
        """Number of surviving edges that carry a λ, reduction blocks included."""
        return sum(len(edges) for edges in self._blocks) + sum(len(branches) for branches in self._reductions)

    def masks(self) -> List[List[bool]]:
        """Return one list of booleans for each of space.gate_names(): True where the edge survives."""
        alive = {name for scope in self.scopes for name in self.edges(scope)}
        for index in range(len(self.space.reduction_scopes)):
            alive.update(self.reduction_edges(index))
        return [[name in alive for name in group] for group in self.space.gate_names()]

    def with_space(self, space: SearchSpace) -> Architecture:
        """Return the same blocks in another space of equal levels and operations: transfer to another network.

        A shared architecture goes to any number of stages and blocks, widths, classes and stems; an unshared one needs equal
        stages. Reduction branches go along where the number of reduction blocks is equal, and are all kept otherwise.
        Raises UserError where it does not fit.
        """
        for field in ('share', 'levels', 'operations', 'first_level_gates'):
            own, other = getattr(self.space, field), getattr(space, field)
            if other != own:
                raise UserError(f'space.{field}: the architecture has {own!r}, the network asked for {other!r}')
        if not space.share and space.blocks != self.space.blocks:
            raise UserError(
                f'space.blocks: an architecture without sharing has {self.space.blocks!r} and goes to no other number of '
                f'blocks, here {space.blocks!r}'
            )
        same = len(space.reduction_scopes) == len(self.space.reduction_scopes)
        return Architecture(space, [self.edges(scope) for scope in self.scopes], self._reductions if same else None)

    def within(self, other: Architecture) -> Architecture:
        """Return the edges that both architectures (of one space) have.

        Of a reduction block all branches of `other` stay where the two have none in common. Raises ValueError for another space.
        """
        if self.space != other.space:
            raise ValueError('architecture: it belongs to another search space')
        blocks = [set(self.edges(scope)) & set(other.edges(scope)) for scope in self.scopes]
        pairs = zip(self._reductions, other._reductions)
        return Architecture(self.space, blocks, [set(own) & set(others) or others for own, others in pairs])

    # JSON.

    def to_dict(self) -> Dict[str, Any]:
        """Return the plain data of the JSON file."""
        reductions = enumerate(self.space.reduction_scopes)
        return {
            'format': FORMAT,
            'version': VERSION,
            'space': self.space.to_dict(),
            'blocks': {scope: list(self.edges(scope)) for scope in self.scopes},
            'reductions': {scope: list(self.reduction_edges(index)) for index, scope in reductions},
        }

    @classmethod
    def from_dict(cls, values: Any) -> Architecture:
        """Build the architecture that to_dict() described. Raises UserError naming the key, its value and what is accepted."""
        if not isinstance(values, dict) or values.get('format') != FORMAT:
            raise UserError(f'not an architecture: "format" is not "{FORMAT}"')
        for key in values:
            if key not in KEYS:
                raise UserError(f'unknown key {key!r}; accepted are {", ".join(KEYS)}')
        if values.get('version') != VERSION:
            raise UserError(f'version {values.get("version")!r} is not {VERSION}, the one this program reads')
        if not isinstance(values.get(PROVENANCE, {}), dict):
            raise UserError(f'"{PROVENANCE}" is no mapping')
        space = SearchSpace.from_dict(values.get('space'))
        blocks = names_by_scope(values, 'blocks', space.scopes)
        reductions = names_by_scope(values, 'reductions', space.reduction_scopes) if 'reductions' in values else None
        return cls(space, blocks, reductions)

    def save(self, path: str) -> None:
        """Write JSON, whole or not at all. Raises OSError."""
        files.write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str) -> Architecture:
        """Read JSON. Raises OSError where it cannot be read, UserError naming the file and what is wrong in it."""
        values = documents.read_json(path)
        try:
            return cls.from_dict(values)
        except UserError as error:
            raise UserError(f'{path}: {error}') from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.space, self._blocks, self._reductions))

    def __repr__(self) -> str:
        edges = sum(len(group) for group in self.space.gate_names())
        return f'Architecture({"share" if self.space.share else "full"}, {self.num_edges} of {edges} edges)'

    def __str__(self) -> str:
        return '\n'.join([repr(self), *describing.architecture_lines(self)])

    def _repr_html_(self) -> Optional[str]:
        """Return a drawing of the blocks as SVG, for a notebook; None where nothing draws them."""
        return pictures.picture('architecture', self)


def connected(space: SearchSpace, edges: Iterable[Edge]) -> List[Edge]:
    """Remove isolated operations of one block with their edges until nothing changes, and return the edges left, in order."""
    left, before = set(edges), None
    first_level_reads = not space.first_level_gates
    while left != before:
        before = left
        feeding = {edge.source for edge in left}
        fed = {edge.target for edge in left} | {BLOCK_INPUT}
        left = {
            edge
            for edge in left
            if (edge.target == space.output or edge.target in feeding)
            and (edge.source in fed or (first_level_reads and edge.source.level == 1))
        }
    return [edge for edge in space.block_edges() if edge in left]

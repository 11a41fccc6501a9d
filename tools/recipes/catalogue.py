"""Read experiments/tables.yaml: the rows of the paper's tables with their published numbers, and the experiments that measure them."""

import dataclasses
import functools
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ...base import documents

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # of the package
FILE = os.path.join(ROOT, 'experiments', 'tables.yaml')
RETRAINED = ('searched', 'random', 'transferred', 'none')

Number = Union[float, List[float]]  # a pair is mean and standard deviation


@dataclasses.dataclass(frozen=True)
class Row:
    """One network of a table or figure.

    preset: how it is measured here, None for another method's; retrain: one of RETRAINED; source: the
    preset whose search a transferred architecture comes from; run: the run's folder, with {seed} and
    {gamma}; random: the seed of the random architecture, None for that of the run; search, retrained:
    further settings, key=value, of the two commands. published: numbers of the paper by name.
    """

    name: str = ''
    preset: Optional[str] = None
    space: str = ''
    split: Optional[bool] = None
    pretrained: Optional[bool] = None
    ratio: str = '-'
    retrain: str = 'searched'
    source: Optional[str] = None
    run: Optional[str] = None
    random: Optional[int] = None
    search: Sequence[str] = ()
    retrained: Sequence[str] = ()
    published: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.retrain not in RETRAINED:
            raise ValueError(f'{FILE}: retrain: {self.retrain}; accepted are {", ".join(RETRAINED)}')

    @property
    def folder(self) -> str:
        """The folder of its run, or of the run whose architecture it takes, with {seed} and {gamma}."""
        return f'{self.preset}-{{seed}}' if self.run is None else self.run


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper. dataset: the data set that all of its rows are measured on."""

    dataset: str
    rows: Tuple[Row, ...]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What one recipe runs.

    rows: in their order; table: the table that is written at the end, or None; finish: words of tools (or of
    train/...) that are run then; show: a file whose content is printed; files: patterns of the files that are
    named; seeds: a fixed number of seeds, None for that of the user; scaled: whether scale, data
    folders and devices of the user hold.
    """

    name: str
    rows: Tuple[Row, ...]
    text: str = ''
    time: Mapping[str, str] = dataclasses.field(default_factory=dict)
    table: Optional[str] = None
    finish: Sequence[str] = ()
    show: Optional[str] = None
    files: Sequence[str] = ()
    seeds: Optional[int] = None
    scaled: bool = True


@functools.lru_cache(maxsize=None)
def _content() -> Dict[str, Any]:
    content: Dict[str, Any] = documents.read_yaml(FILE)
    return content


@functools.lru_cache(maxsize=None)
def tables() -> Dict[str, Table]:
    """Return the tables of the paper by number: '1', '2', '3'."""
    return {
        number: Table(table['dataset'], tuple(Row(**row) for row in table['rows']))
        for number, table in _content()['tables'].items()
    }


def scales() -> Dict[str, Dict[str, Any]]:
    """Return the settings, by dotted key, that make up the paper's scale on each data set."""
    return _content()['scales']


@functools.lru_cache(maxsize=None)
def experiments() -> Dict[str, Experiment]:
    """Return the experiments by name."""
    return {name: _experiment(name, dict(fields)) for name, fields in _content()['experiments'].items()}


def _experiment(name: str, fields: Dict[str, Any]) -> Experiment:
    table = fields.get('table')
    if table is None:
        rows = tuple(Row(**row) for row in fields.pop('rows'))
    else:
        rows = _in_order([row for row in tables()[table].rows if row.preset])
        path = f'{{root}}/table{table}'
        fields['finish'] = [
            f'make_tables.py {{root}} --table {table} --seeds {{seeds}} -o {path}.md {path}.csv {path}.tex'
        ]
        fields['show'] = f'table{table}.md'
    return Experiment(name=name, rows=rows, **fields)


def _in_order(rows: Sequence[Row]) -> Tuple[Row, ...]:
    """Put a random architecture behind the search of its preset, and transferred ones at the end."""
    searched = [row for row in rows if row.retrain == 'searched']
    ordered: List[Row] = []
    for row in searched:
        ordered += [row] + [other for other in rows if other.preset == row.preset and other.retrain == 'random']
    return tuple(ordered + [row for row in rows if row not in ordered])

"""What the paper publishes (arXiv 1811.01567, Tables 1 to 3) as cells of a table, and the scale at which it got it."""

from typing import Any, List, Optional, Tuple

from ..reading.runs import Run
from ..recipes import catalogue


def cells(which: str) -> List[Tuple[str, ...]]:
    """Return the published rows of table `which` as texts; none for a table that is not the paper's."""
    table = catalogue.tables().get(which)
    return [_CELLS[which](row) for row in table.rows] if table else []


def _cells1(row: catalogue.Row) -> Tuple[str, ...]:
    told = row.published
    method = told.get('method', '-')
    return row.name, _number(told.get('error')), _number(told.get('params'), 1), _days(told.get('gpu_days')), method


def _cells2(row: catalogue.Row) -> Tuple[str, ...]:
    told = row.published
    numbers = [
        _number(told.get(key), digits) for key, digits in (('error', 1), ('top5_error', 1), ('params', 1), ('flops', 0))
    ]
    return (row.name, *numbers, _days(told.get('gpu_days')))


def _cells3(row: catalogue.Row) -> Tuple[str, ...]:
    told = row.published
    marks = ['✓' if mark else '' for mark in (row.split, row.pretrained)]
    return (row.space, *marks, row.ratio, _number(told['params'], 1), _number(told['error']))


_CELLS = {'1': _cells1, '2': _cells2, '3': _cells3}


def _number(value: Optional[catalogue.Number], digits: int = 2) -> str:
    """Write a number, or mean ± standard deviation; '-' where the paper gives none."""
    if value is None:
        return '-'
    return ' ± '.join(f'{part:.{digits}f}' for part in (value if isinstance(value, list) else [value]))


def _days(value: Any) -> str:
    return '-' if value is None else f'{value:g} GPU days'


def dataset_of(which: str) -> Optional[str]:
    """Return the data set that the rows of a table of the paper are measured on; None for other tables."""
    table = catalogue.tables().get(which)
    return table.dataset if table else None


def smaller_than_published(run: Run, dataset: Optional[str]) -> List[str]:
    """List what makes a run smaller than the paper's on `dataset`; empty at full scale.

    Of a data set that the paper does not have, only the embedded one is small as such.
    """
    name, reasons = run.get('data.name', run.summary.get('dataset')), []
    if not run.config:
        return []
    scale = catalogue.scales().get(str(dataset))
    if scale is None:
        return ['the embedded data set'] if name == 'digits' else []
    if name != dataset:
        reasons.append(f'data set {name} instead of {dataset}')
    if run.get('data.limit'):
        reasons.append(f'at most {run.get("data.limit")} training images')
    for key, value in scale.items():
        found = run.get(key)
        if key == 'pretrain.epochs' and found == 0:  # a setting of Table 3, not of scale
            continue
        if key == 'space.blocks' and found is not None and sum(found) < sum(value):
            reasons.append(f'{"+".join(map(str, found))} blocks instead of {"+".join(map(str, value))}')
        elif key != 'space.blocks' and found is not None and found < value:
            reasons.append(f'{key} {found} instead of {value}')
    return reasons

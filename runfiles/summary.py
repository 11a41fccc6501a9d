"""Write and read summary.json: the numbers of a run that tables and reports need.

Known fields are those of `Summary`; others are kept as they are. Each stage adds its own when it has ended.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, TypedDict

from ..base import documents
from ..base.errors import UserError
from ..base.fields import (
    AMOUNT,
    COUNT,
    FLAG,
    NUMBER,
    PERCENT,
    SHARE,
    TEXT,
    WHOLE,
    Fields,
    check_fields,
    list_of,
    mapping,
    whole,
)  # fmt: skip
from . import checksums
from .network import gluoncv_name


class DiagnosisSummary(TypedDict, total=False):
    """How a search decided."""

    early: int  # edges that went for good in the first tenth of the λ steps
    removed: int  # edges that went
    groups_decided: float  # share of groups, see log.csv
    half_within: Optional[float]  # smallest share of the λ steps within which half of those edges went
    jumps: int  # the most λ that changed by more than their own size in one epoch, after the first third


class SearchSummary(TypedDict, total=False):
    """What the search has left; errors are of the supernet, percent."""

    error: Optional[float]  # on the test set
    train_error: Optional[float]  # in the steps that updated W
    gate_error: Optional[float]  # in the steps that updated λ
    zero_fraction: Optional[float]  # share of λ that are zero or pruned
    edges: int
    operations: int
    gamma: float
    budget: str
    ratio: str
    split: bool
    epochs: int
    pretrain_epochs: int
    batch_size: int
    changed: int  # λ that went to zero or came back in the last epoch
    moved: int  # edges that came or went in the last epoch
    settled: bool  # whether the architecture had stopped changing
    diagnosis: DiagnosisSummary
    params: int  # of what is left, at the width of the search
    flops: int
    mac: int
    seconds: float  # pretraining and search


class UniformSummary(TypedDict, total=False):
    """The network that the same budget gives where widths may be any number: what multiples are compared with."""

    widths: List[int]  # channels, by stage
    reached: Optional[float]  # None where it was not measured
    params: int
    flops: int
    mac: int


class LimitSummary(TypedDict):
    """What of a network is bounded, and how it was met; distance as in BudgetSummary."""

    kind: str
    target: float
    reached: float
    distance: float


class BudgetSummary(TypedDict, total=False):
    """How the derived network's width was found. kind: 'none', or what is bounded."""

    kind: str
    target: float
    reached: float
    distance: float  # share of the target left unused
    multiplier: float
    widths: List[int]  # channels, by stage
    multiple: int  # of which they are multiples, if more than 1
    notes: List[str]  # where they are not, and which of two budgets is not used
    also: List[LimitSummary]  # a second budget that was to be met at once
    uniform: UniformSummary


class LatencySummary(TypedDict, total=False):
    """Where and how latency_ms was measured."""

    device: str  # a GPU, or a processor with its threads
    batch: int
    threads: Optional[int]  # that share an operator; None on GPUs, and where that is not known


class InitSummary(TypedDict, total=False):
    """The run whose weights training began with, and how many parameters it gave. anew: why others did not, with their names."""

    run: str
    taken: int
    anew: Dict[str, List[str]]


class Summary(TypedDict, total=False):
    """Known fields of summary.json; a run that is on its way lacks some."""

    run: str
    dataset: str
    seed: int
    space: str  # 'share' or 'full'
    kind: str  # of the network: see network.py
    search: SearchSummary
    test_error: float  # percent, of the network that is kept
    top5_error: float  # percent
    test_loss: float
    best_test_error: Optional[float]  # percent, the least of all tests: chosen on the test images
    best_epoch: Optional[int]
    epochs: int  # of retraining
    kept_epoch: int  # whose network is kept: the last one, or the best on held-out images where those end the training
    ended: str  # why it ended before the last of them that was planned, '' where it did not
    edges: Optional[int]
    params: int
    flops: Optional[int]  # multiply-adds for one image; None where it is not counted, for a network of gluoncv
    mac: Optional[int]
    budget: BudgetSummary
    retrain_seconds: float
    seconds: float  # all stages together
    latency_ms: float  # milliseconds of a forward pass of one image in MXNet, where it was measured
    latency: LatencySummary
    init: InitSummary  # of the network that was retrained
    pretrain_init: InitSummary  # of the supernet


RESULT = ('test_error', 'params', 'flops')  # without these a summary is no result
_PERCENTS = ('error', 'train_error', 'gate_error')
_SEARCH = {
    **dict.fromkeys(('edges', 'operations', 'epochs', 'pretrain_epochs', 'batch_size', 'changed', 'moved'), COUNT),
    **dict.fromkeys(('params', 'flops', 'mac'), COUNT),
    **dict.fromkeys(_PERCENTS, PERCENT),
    **dict.fromkeys(('gamma', 'seconds'), AMOUNT),
    **dict.fromkeys(('budget', 'ratio'), TEXT),
    **dict.fromkeys(('split', 'settled'), FLAG),
    'zero_fraction': SHARE,
    'diagnosis': mapping(
        {
            **dict.fromkeys(('early', 'removed', 'jumps'), COUNT),
            **dict.fromkeys(('groups_decided', 'half_within'), SHARE),
        }
    ),
}
_LIMIT = {'kind': TEXT, **dict.fromkeys(('target', 'reached'), AMOUNT), 'distance': NUMBER}
_BUDGET = {
    **_LIMIT,
    'multiplier': AMOUNT,
    'also': list_of(mapping(_LIMIT), 0, 1),
    'widths': list_of(whole(1, 10**6), 1, 1000),
}
FIELDS: Fields = {
    **dict.fromkeys(('run', 'dataset', 'space', 'kind'), TEXT),
    'seed': WHOLE,
    'search': mapping(_SEARCH),
    'budget': mapping(_BUDGET),
    'latency': mapping({'device': TEXT, 'batch': COUNT}),
    **dict.fromkeys(('init', 'pretrain_init'), mapping({'run': TEXT, 'taken': COUNT})),
    **dict.fromkeys(('test_error', 'top5_error', 'best_test_error'), PERCENT),
    **dict.fromkeys(('epochs', 'best_epoch', 'kept_epoch', 'edges', 'params', 'flops', 'mac'), COUNT),
    **dict.fromkeys(('retrain_seconds', 'seconds', 'latency_ms'), AMOUNT),
    'test_loss': NUMBER,
}


def read_summary(path: str) -> Summary:
    """Read a summary.json, {} if there is none, its known fields checked; a test error comes with parameters and FLOPs.

    Raises OSError, UserError naming the file.
    """
    content = _mapping(path)
    uncounted = ('flops',) if gluoncv_name(content.get('kind')) is not None else ()
    is_result = content.get('test_error') is not None
    check_fields(content, FIELDS, path, [name for name in RESULT if is_result and name not in uncounted])
    return content  # type: ignore[return-value]


def update_summary(path: str, **content: Any) -> Summary:
    """Add to a summary.json, or begin one; returns all that it then holds. Raises OSError, UserError naming the file."""
    summary = dict(_mapping(path), **content)
    checksums.write_json(path, summary)
    return summary  # type: ignore[return-value]


def _mapping(path: str) -> Dict[str, Any]:
    content = documents.read_json(path) if os.path.exists(path) else {}
    if not isinstance(content, dict):
        raise UserError(f'{path}: holds no mapping of names to values')
    return content

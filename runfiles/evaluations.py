"""Write and read evaluations/<name>/: tests of a run's network on other data than its own, or with other parameters.

Each folder holds predictions.npz (predictions.py) and evaluation.json with the fields of `Evaluation`. So what the run's own
test left, in its predictions.npz and summary.json, stays as it is.
"""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any, Dict, List, Union

from ..base import documents, files
from ..base.errors import UserError
from .data import DataDescription, from_dict

FOLDER, FILE = 'evaluations', 'evaluation.json'
FORMAT, VERSION = 'dsonas.evaluation', 1


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The fields of evaluation.json.

    name: of its folder. epoch: of the parameters, 'last' or a number. images: how many were tested. test_error, top5_error:
    percent. loss: mean over the images. differs: what is other than in the run's own test. data: what was tested on.
    """

    name: str
    epoch: Union[int, str]
    images: int
    test_error: float
    top5_error: float
    loss: float
    differs: List[str]
    data: DataDescription


def place(folder: str, name: str) -> str:
    """Return the folder of an evaluation of a run directory."""
    return os.path.join(folder, FOLDER, name)


def write_evaluation(folder: str, evaluation: Evaluation) -> None:
    """Write evaluation.json of a run directory, whole or not at all. Raises OSError."""
    path = place(folder, evaluation.name)
    os.makedirs(path, exist_ok=True)
    content = {'format': FORMAT, 'version': VERSION, **dataclasses.asdict(evaluation)}
    files.write_json(os.path.join(path, FILE), content)


def read_evaluation(path: str) -> Evaluation:
    """Read an evaluation.json. Raises OSError, UserError naming the file and what is wrong in it."""
    content = documents.read_json(path)
    if not isinstance(content, dict) or (content.get('format'), content.get('version')) != (FORMAT, VERSION):
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    for key in ('test_error', 'top5_error'):
        _check(path, content, key, 100.0)
    for key in ('loss', 'images'):
        _check(path, content, key, math.inf)
    differs, data = content.get('differs'), content.get('data')
    if not isinstance(differs, list) or not all(isinstance(entry, str) for entry in differs):
        raise UserError(f'{path}: differs is no list of texts')
    if not isinstance(data, dict):
        raise UserError(f'{path}: data is no mapping of names to values')
    return Evaluation(
        os.path.basename(os.path.dirname(os.path.abspath(path))),
        str(content.get('epoch')),
        int(content['images']),
        float(content['test_error']),
        float(content['top5_error']),
        float(content['loss']),
        differs,
        from_dict(data, path),
    )


def evaluations_of(folder: str) -> List[Evaluation]:
    """Read the evaluations of a run directory, sorted by name; none where there are none. Raises OSError, UserError."""
    root = os.path.join(folder, FOLDER)
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    paths = [os.path.join(root, name, FILE) for name in names]
    return [read_evaluation(path) for path in paths if os.path.exists(path)]


def _check(path: str, content: Dict[str, Any], key: str, largest: float) -> None:
    value = content.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= largest or math.isinf(value):
        raise UserError(f'{path}: {key} is {value!r}, which is no such number')

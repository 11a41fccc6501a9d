"""Write and read fit.json: what one command from data to a model was asked, planned, decided on its way and has done.

It is written before each phase and after it, and now and then within, so that an interrupted command goes on with what it had decided.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, List, Mapping, Optional

from ..base import documents
from ..base.errors import UserError
from ..base.fields import AMOUNT, COUNT, MAPPING, TEXT, Field, Fields, check_fields, list_of, mapping
from . import checksums

FORMAT, VERSION = 'dsonas.fit', 1
FILE, LOCK = 'fit.json', '.fit.lock'


@dataclasses.dataclass
class FitRecord:
    """The fields of fit.json.

    asked: what the caller gave, plain data, and what tells its data from others. minutes: that all may take. values: settings by dotted
    key that were chosen. estimates: seconds by phase, in their order. epochs: by stage, as planned. zoo: gluoncv's network that stands
    beside, '' for none. remarks: sentences on what was chosen or left out. decided: epochs by stage that are trained, set when its first
    phase begins. spent: seconds by phase that has ended. left_out: phases that were dropped on the way. done: phases that have ended.
    foreseen: how long all will still take, {'phase': at work, 'seconds': left, 'at': seconds since 1970}; {} if not known.
    """

    asked: Dict[str, Any]
    minutes: float
    values: Dict[str, Any]
    estimates: Dict[str, float]
    epochs: Dict[str, int]
    zoo: str = ''
    remarks: List[str] = dataclasses.field(default_factory=list)
    decided: Dict[str, int] = dataclasses.field(default_factory=dict)
    spent: Dict[str, float] = dataclasses.field(default_factory=dict)
    left_out: List[str] = dataclasses.field(default_factory=list)
    done: List[str] = dataclasses.field(default_factory=list)
    foreseen: Dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether every phase has ended or was left out."""
        return set(self.estimates) <= {*self.done, *self.left_out}


def _numbers(entry: Field, accepted: str) -> Field:
    return Field(lambda value: isinstance(value, dict) and all(map(entry.is_accepted, value.values())), accepted)


_FIELDS: Fields = {
    'asked': MAPPING,
    'values': MAPPING,
    'minutes': AMOUNT,
    'zoo': TEXT,
    'estimates': _numbers(AMOUNT, 'seconds by phase'),
    'spent': _numbers(AMOUNT, 'seconds by phase'),
    'epochs': _numbers(COUNT, 'epochs by stage'),
    'decided': _numbers(COUNT, 'epochs by stage'),
    **dict.fromkeys(('remarks', 'left_out', 'done'), list_of(TEXT)),
}
_LATER: Fields = {
    'foreseen': mapping({'phase': TEXT, 'seconds': AMOUNT, 'at': AMOUNT})
}  # not in files of earlier versions


def write_fit(folder: str, record: FitRecord) -> None:
    """Write fit.json of a run directory, whole or not at all. Raises OSError."""
    os.makedirs(folder, exist_ok=True)
    content = {'format': FORMAT, 'version': VERSION, **dataclasses.asdict(record)}
    checksums.write_json(os.path.join(folder, FILE), content)


def read_fit(folder: str) -> Optional[FitRecord]:
    """Read fit.json of a run directory; None where there is none. Raises OSError, UserError naming the file and what is wrong in it."""
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return None
    content: Mapping[str, Any] = documents.read_json(path)
    if not isinstance(content, dict) or (content.get('format'), content.get('version')) != (FORMAT, VERSION):
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    check_fields(content, {**_FIELDS, **_LATER}, path, needed=tuple(_FIELDS))
    named = [field.name for field in dataclasses.fields(FitRecord) if content.get(field.name) is not None]
    return FitRecord(**{name: content[name] for name in named})

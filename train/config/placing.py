"""Which data set a command means that says where the data lie, and not what they are."""

import os
from typing import Any, Mapping, Optional

from ...base import cli
from ...base.errors import UserError
from ...base.keys import brief
from ...data.place import expanded
from ...data.recognise import described
from ...data.registry import DATASETS, recognised

MADE = 'digits'  # lies nowhere


def data_set(line: Mapping[str, Any], preset: Mapping[str, Any], start: Optional[Mapping[str, Any]]) -> Optional[str]:
    """Return the name of the data set that lies in line['data.dir'], None where that is not asked.

    line: what files, --set and flags say; preset, start: what the preset and the run that goes on say. A run keeps its data set,
    and what is named in `line` is taken by its name. Otherwise the folder is recognised by its content, also where a preset names
    another data set; and where it is like none, the preset's name is taken, whose opening says what is missing.
    Raises UserError for a folder that is not there, or that is like none.
    """
    place = line.get('data.dir')
    if not place:
        return None
    name = line.get('data.name') or (start or {}).get('data.name')
    if name == MADE:
        raise UserError(
            f'data.dir={brief(place)}: {MADE} are made here and lie in no folder; leave out the folder, or name its data set with '
            f'--dataset ({_choices()})'
        )
    if name:
        return None
    names = recognised(place)
    if names:
        cli.tell(f'data.dir={brief(place)}: taken as the data set {names[0]}; --dataset NAME says otherwise', 'note: ')
        return names[0]
    named = preset.get('data.name')
    if named and named != MADE:
        return str(named)
    if not os.path.exists(expanded(place)):
        raise UserError(f'data.dir={brief(place)}: no such file or folder')
    raise UserError(
        f'data.dir={brief(place)}: not recognised ({described(expanded(place))}); '
        f'say with --dataset which data set lies there: {_choices()}'
    )


def _choices() -> str:
    return ', '.join(name for name in DATASETS if name != MADE)

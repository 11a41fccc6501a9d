"""Keys of which one makes another meaningless: what is said explicitly is never ignored in silence.

| key                         | with                          | what happens                                                        |
| --------------------------- | ----------------------------- | ------------------------------------------------------------------- |
| retrain.budget              | retrain.channels              | the later layer clears the other; both on one command line: refused |
| train.gpus                  | train.cpus                    | the same                                                            |
| search.ratio                | search.split=false            | refused on a command line: there are no turns                       |
| search.patience             | search.target=none            | refused on a command line: nothing is to be met                     |
| retrain.held_out            | retrain.patience=0            | refused on a command line: nothing is held out                      |
| data.cutout, retrain.cutout | data.augment=false            | refused on a command line: nothing is cut out                       |
| retrain.lr_min, t0, tmul    | a retrain.schedule without it | refused on a command line                                           |

Layers are those of settings.py, the run that goes on first and the command line last. Within one file or preset both may stand, as
in the config.yaml of runs; there retrain.channels counts, as they always did.
"""

import dataclasses
from typing import Any, Callable, Dict, Mapping, Sequence

from ...base.errors import UserError
from ...base.keys import brief
from ...optim.schedules import SCHEDULES

Layer = Mapping[str, Any]

# Of two keys in one line, the one that is set above the other clears it: (key, value that asks for nothing) each.
EXCLUSIVE = (
    (('retrain.budget', 'none'), ('retrain.channels', ())),
    (('train.gpus', ''), ('train.cpus', 0)),
)


@dataclasses.dataclass(frozen=True)
class Needs:
    """A key that has an effect only where another one has certain values. idle: its value that asks for nothing, if it has one."""

    key: str
    other: str
    works: Callable[[Any], bool]
    because: str
    idle: Any = None


def _has(field: str) -> Callable[[Any], bool]:
    return lambda name: any(known.name == field for known in dataclasses.fields(SCHEDULES.get(name)))


NEEDS = (
    Needs('search.ratio', 'search.split', bool, 'W and λ are then updated at once, not in turns'),
    Needs('search.patience', 'search.target', lambda goal: goal != 'none', 'there is then nothing to be met', 0),
    Needs('data.cutout', 'data.augment', bool, 'nothing is then cut out', 0),
    Needs('retrain.cutout', 'data.augment', bool, 'nothing is then cut out', 0),
    Needs('retrain.held_out', 'retrain.patience', bool, 'nothing is then held out'),
    *(
        Needs(f'retrain.{name}', 'retrain.schedule', _has(name), f'that schedule has no {name}')
        for name in ('lr_min', 't0', 'tmul')
    ),
)


def laid_over(layers: Sequence[Layer]) -> Dict[str, Any]:
    """Return the values of all layers, the lowest first, in which a key clears the one below it that it excludes."""
    values: Dict[str, Any] = {}
    for layer in layers:
        for pair in EXCLUSIVE:
            for (key, idle), (other, nothing) in (pair, pair[::-1]):
                if layer.get(key, idle) != idle and other not in layer and values.get(other, nothing) != nothing:
                    values[other] = nothing
        values.update(layer)
    return values


def check_command(line: Layer, values: Layer, defaults: Layer) -> None:
    """Check that every key of a command line has an effect. Raises UserError.

    line: {key: value} of --set and flags; values: of all layers together; defaults: of what is in no layer.
    """
    for (key, idle), (other, nothing) in EXCLUSIVE:
        if line.get(key, idle) != idle and line.get(other, nothing) != nothing:
            raise UserError(
                f'{_pair(key, line)} and {_pair(other, line)}: give one of them; each makes the other meaningless'
            )
    for needs in NEEDS:
        setting = values.get(needs.other, defaults.get(needs.other))
        if needs.key in line and line[needs.key] != needs.idle and not needs.works(setting):
            raise UserError(
                f'{_pair(needs.key, line)} has no effect with {needs.other}={brief(setting)}: {needs.because}; '
                f'leave it out, or set {needs.other} too'
            )


def _pair(key: str, line: Layer) -> str:
    return f'{key}={brief(line[key])}'

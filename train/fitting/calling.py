"""`fit` and `open_run`, as the package's root offers them to Python."""

import dataclasses
import os
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from ...base.errors import UserError
from ...base.text import shown
from . import given
from .engine import run_fit
from .result import Result
from .settings import ROOT, FitSettings


def fit(
    data: Any,
    budget: Optional[str] = None,
    minutes: Optional[float] = None,
    run: Union[str, 'os.PathLike[str]', None] = None,
    *,
    target: Optional[str] = None,
    seeds: int = 1,
    seed: int = 0,
    gpus: Union[str, int, Sequence[int]] = '',
    loss: Optional[Callable[[Any, Any], Any]] = None,
    callbacks: Sequence[Any] = (),
    plugins: Sequence[str] = (),
    overrides: Optional[Mapping[str, Any]] = None,
    quiet: bool = False,
) -> Result:
    """Do what `dsonas.fit` says."""
    for name, value in (('callbacks', callbacks), ('plugins', plugins)):
        if not isinstance(value, (list, tuple)):
            raise UserError(f'{name}: {shown(value)}; expected a list')
    if loss is not None and not callable(loss):
        raise UserError(f'loss: {shown(loss)}; expected a loss of Gluon, or a function of logits and labels')
    if overrides is not None and not isinstance(overrides, Mapping):
        raise UserError(
            f'overrides: {shown(overrides)}; expected settings by dotted key, such as {{"search.gamma": 0.01}}'
        )
    settings = FitSettings(
        budget=budget,
        minutes=minutes,
        target=target,
        run=None if run is None else os.fspath(run),
        seeds=seeds,
        seed=seed,
        gpus=_devices(gpus),
        overrides=dict(overrides or {}),
        plugins=tuple(plugins),
    )
    settings.checked()
    arrays = given.arrays_of(data)
    if arrays is None:
        return Result(run_fit(data, settings, callbacks=callbacks, loss=loss, quiet=quiet))
    path = settings.run or os.path.join(ROOT, 'arrays')
    with given.kept(arrays, path) as file:
        settings = dataclasses.replace(settings, run=path, dataset=given.NAME)
        return Result(run_fit(file, settings, callbacks=callbacks, loss=loss, quiet=quiet))


def open_run(run: Union[str, 'os.PathLike[str]']) -> Result:
    """Do what `dsonas.open_run` says."""
    return Result(os.fspath(run))


def _devices(gpus: Union[str, int, Sequence[int]]) -> str:
    """Return GPUs as the configuration names them: 0 -> '0', [0, 1] -> '0,1'."""
    if isinstance(gpus, str):
        return gpus
    return str(gpus) if isinstance(gpus, int) else ','.join(map(str, gpus))

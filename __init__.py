"""DSO-NAS on Apache MXNet Gluon: search an architecture by pruning a completely connected supernet with sparse scaling factors.

    import dsonas
    result = dsonas.fit('photos/', budget='flops=15M', minutes=20)

`fit` goes from data to a trained network, `open_run` opens what it has left. Neither MXNet nor NumPy is imported before one is called.
"""

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence, Union

from dsonas import installed  # absolute, since pytest imports this file under another name too
from dsonas.base import pictures as _pictures

if TYPE_CHECKING:
    import os

    from dsonas.train.engine.callbacks import BaseCallback as Callback
    from dsonas.train.fitting.result import Result

__version__ = '0.2.0.dev0'  # the one place of the version; pyproject.toml reads it from here
__all__ = ['Callback', 'Result', 'fit', 'open_run']

installed.explain_missing_mxnet()
if 'architecture' not in _pictures.RENDERERS:
    _pictures.RENDERERS.register('architecture', _pictures.Later('dsonas.tools.drawing.notebook', 'architecture_svg'))


def fit(
    data: Any,
    budget: Optional[str] = None,
    minutes: Optional[float] = None,
    run: 'Union[str, os.PathLike[str], None]' = None,
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
) -> 'Result':
    """Search an architecture for `data`, train it, compare it with baselines, export it. Returns a Result.

    What is not given is chosen from the data and from what steps take on this machine. A call that was interrupted goes on when it is
    made again with the same data and settings; of a finished one the result is given at once.

    data: one of
        - the path of a folder with a folder of images for each class, of another data set on disk, or the name of one ('digits');
        - ((x, y), (x_test, y_test)), arrays of NumPy or MXNet: x uint8 (n, H, W, 3), (n, 3, H, W), or grey (n, H, W), pixels from 0 to
          255; y (n,), whole numbers or texts, the classes;
        - (x, y): a fifth of each class is then held out for test (`overrides={'data.held_out': share}`);
        - a mxnet.gluon.data.Dataset that gives (image, label), or a pair of them, the second for test.
        Arrays are kept in the run directory, as arrays.npz: what is done with the run later needs nothing else.
    budget: the most that the network may cost, as 'params=30k', 'flops=15M', 'mac=4M' or 'latency=2ms'; by default what suits the search.
    minutes: that all may take; by default 5 to 20, by the number of images.
    run: the run directory; by default runs/NAME, NAME of the folder or data set, runs/arrays for arrays.
    target: what the search leaves, as 'edges=30%' (the default), 'flops=50%', 'params=40%'.
    seeds: how many searches, each with its network and its random baseline. seed: of the first one.
    gpus: numbers of GPUs, as '0-3', 0 or [0, 1]; by default all that MXNet sees, else the CPU.
    loss: a loss of Gluon, or a function of logits (batch, classes) and labels (batch,), NDArrays, giving the loss of each image (batch,),
        in the place of cross entropy in all stages.
    callbacks: objects that derive from `dsonas.Callback`, called in all stages; or classes and functions that make one for each stage
        from the configuration.
    plugins: modules and .py files to import first, which register operations, data sets, penalties or callbacks.
    overrides: settings by dotted key, which win over what is chosen, as {'search.gamma': 0.01}.
    quiet: print nothing but warnings.

    Raises dsonas.base.errors.UserError, one line that names what was given and what is accepted, and OSError.
    """
    from dsonas.train.fitting import calling

    return calling.fit(
        data,
        budget,
        minutes,
        run,
        target=target,
        seeds=seeds,
        seed=seed,
        gpus=gpus,
        loss=loss,
        callbacks=callbacks,
        plugins=plugins,
        overrides=overrides,
        quiet=quiet,
    )


def open_run(run: 'Union[str, os.PathLike[str]]') -> 'Result':
    """Open the run directory of a finished fit, or of another run with a trained network. Returns a Result.

    Everything is read from the directory, which may have been moved or copied from another machine.
    Raises dsonas.base.errors.UserError where there is no run, or one that is not finished, and OSError.
    """
    from dsonas.train.fitting import calling

    return calling.open_run(run)


def __getattr__(name: str) -> Any:
    """Import `Callback` and `Result` when they are first used."""
    if name == 'Callback':
        from dsonas.train.engine.callbacks import BaseCallback

        return BaseCallback
    if name == 'Result':
        from dsonas.train.fitting.result import Result

        return Result
    raise AttributeError(f'module dsonas has no attribute {name!r}')

"""One call from data to a model: `run_fit`, which train/fit.py calls with what its command line says.

- `settings.py`    what a caller asks for, checked; which data are meant; the Config of what was chosen
- `facts.py`       what planning needs to know of the data
- `choices.py`     what follows from the data: image size, batches, augmentation, supernets that come into question
- `measuring.py`   what steps, tests and checkpoints take here
- `planning.py`    epochs for each stage from these times; what is cut when a phase took longer
- `preparing.py`   the four of them together: from data to a plan
- `phases.py`      each stage and baseline, begun or resumed
- `delivering.py`  tests, latency, ONNX, model card, pictures, table, report
- `screen.py`      the plan and the result as text; `telling.py` prints
- `engine.py`      the whole
- `given.py`       arrays and Gluon's data sets as a file of the run
- `result.py`      what a run has made: leaderboard, predictions, ONNX, report
- `calling.py`     `dsonas.fit` and `dsonas.open_run`

This room stands above the others of train/, which do not import it, and it may import the folders of tools/, which know no training.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import run_fit
    from .settings import FitSettings

__all__ = ['FitSettings', 'run_fit']


def __getattr__(name: str) -> Any:
    """Import what is asked for: the modules of this room import each other from here, so they are not imported with it."""
    if name == 'run_fit':
        from .engine import run_fit

        return run_fit
    if name == 'FitSettings':
        from .settings import FitSettings

        return FitSettings
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

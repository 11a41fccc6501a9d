"""What happens around the steps and epochs of a stage: a protocol, and the registry of the user's own.

The loop calls every callback of a stage in order and knows none of them. A callback of a user is a
class registered under a name that the configuration key `callbacks` lists; it is made from the
Config, once for each stage, and comes after what the package itself does and before the log:

    @CALLBACKS.register('mine')
    class Mine(BaseCallback):
        def __init__(self, config): ...
"""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Protocol, Sequence, Tuple

from ...base.registry import Registry

if TYPE_CHECKING:
    from ..config.tree import Config
    from .course import Course


class Callback(Protocol):
    """What the loop calls. See BaseCallback for when.

    name: under which its state is kept in checkpoints, '' where it has none.
    columns: what it adds to the rows of log.csv: numbers, by name.
    """

    name: str
    columns: Tuple[str, ...]

    def stage_begins(self, course: 'Course') -> None: ...

    def epoch_begins(self, course: 'Course') -> None: ...

    def before_step(self, course: 'Course') -> None: ...

    def step_ends(self, course: 'Course') -> None: ...

    def epoch_ends(self, course: 'Course') -> None: ...

    def stage_ends(self, course: 'Course') -> None: ...

    def state(self) -> Dict[str, Any]: ...

    def restore(self, state: Dict[str, Any]) -> None: ...


class BaseCallback:
    """A callback that does nothing: override what is needed.

    In a run of several workers all of them call every method alike, so that a decision has to rest on
    what is equal on all: the numbers of a row but for the times.
    """

    name: str = ''
    columns: Tuple[str, ...] = ()

    def stage_begins(self, course: 'Course') -> None:
        """Before the first step, or the first after a resume, when all state is restored."""

    def epoch_begins(self, course: 'Course') -> None:
        """Before the first step of an epoch, or the first after a resume."""

    def before_step(self, course: 'Course') -> None:
        """Before a step; `course.update` is what it will update."""

    def step_ends(self, course: 'Course') -> None:
        """After a step; its numbers may still be on their way."""

    def epoch_ends(self, course: 'Course') -> None:
        """After the last step of an epoch; `course.row` is its row of log.csv, to be read and added to."""

    def stage_ends(self, course: 'Course') -> None:
        """After the last epoch, its row written and its checkpoint saved."""

    def state(self) -> Dict[str, Any]:
        """Return what a resumed run needs: what JSON can hold."""
        return {}

    def restore(self, state: Dict[str, Any]) -> None:
        """Put back what `state` returned, before the parameters of the checkpoint are."""


CALLBACKS: Registry[Callable[['Config'], Callback]] = Registry('callback')


def create(config: 'Config') -> List[Callback]:
    """Make the callbacks that `callbacks` of a Config names. Raises UserError for an unknown name."""
    callbacks = []
    for name in config.callbacks:
        callback = CALLBACKS.get(name)(config)
        callback.name = name
        callbacks.append(callback)
    return callbacks


def given(callbacks: Sequence[Any], config: 'Config') -> List[Callback]:
    """Return a caller's callbacks: objects as they are, classes and functions called with the Config; a name of their own each."""
    made = [
        entry if hasattr(entry, 'epoch_ends') and not isinstance(entry, type) else entry(config) for entry in callbacks
    ]
    names: List[str] = []
    for callback in made:
        own = callback.name or type(callback).__name__
        callback.name = own if own not in names else f'{own}-{names.count(own) + 1}'
        names.append(own)
    return made


def states(callbacks: List[Callback]) -> Dict[str, Any]:
    """Return {name: state} of the callbacks that have one."""
    content = {callback.name: callback.state() for callback in callbacks}
    return {name: state for name, state in content.items() if state}


def restore(callbacks: List[Callback], content: Dict[str, Any]) -> None:
    """Put back what `states` returned. Version 0.1.0 had the state of pruning alone, without a name."""
    if 'pruned' in content:
        content = {'search.pruning': content}
    for callback in callbacks:
        if callback.name in content:
            callback.restore(content[callback.name])

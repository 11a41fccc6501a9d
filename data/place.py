"""The default folder of a data set: gluon's, $MXNET_HOME/datasets/<name>, by default ~/.mxnet/datasets/<name>.

It is looked up anew each time a data set is opened, so that a run whose configuration names no folder finds its data on
whatever machine it is moved to.
"""

import os

from ..base.errors import UserError


class NotFound(UserError):
    """No data set where it was looked for. The message, one line, says where that was and what is expected there."""


def gluon_folder(name: str) -> str:
    """Return the absolute path of the folder in which gluon keeps data set `name`. It need not exist."""
    from mxnet.base import data_dir

    return os.path.abspath(os.path.expanduser(os.path.join(data_dir(), 'datasets', name)))


def expanded(path: str) -> str:
    """Return a path with ~ as the home folder, which shells leave as it is behind an =; unchanged where it exists so."""
    return os.path.expanduser(path) if path.startswith('~') and not os.path.exists(path) else path


def resolve(name: str, given: str, expected: str) -> str:
    """Return the folder (or archive) of data set `name`: `given`, or gluon's folder if that is empty.

    expected: what the folder should hold, for the message. Raises NotFound if nothing is given and gluon has no
    such folder.
    """
    if given:
        return given
    path = gluon_folder(name)
    if not os.path.isdir(path):
        raise NotFound(f'{name}: no data folder given, and none at {path}; expected there: {expected}')
    return path

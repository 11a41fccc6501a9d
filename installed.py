"""Check that MXNet is installed, as one of its two packages, and say in one line what to install where it is not.

A plain `pip install` of dsonas brings no MXNet, since MXNet is two packages that hold the same files: `mxnet` for CPUs and
`mxnet-cu112` for GPUs. The extras `dsonas[cpu]` and `dsonas[gpu]` choose one.
"""

import importlib
import importlib.util
import sys
from importlib import metadata
from typing import Any, Optional

PACKAGES = ('mxnet', 'mxnet-cu112')
INSTALL = "pip install 'dsonas[cpu]', or 'dsonas[gpu]' for GPUs"
MISSING = f'MXNet is not installed: {INSTALL}'
MISTAKE = 2  # exit status


def problem() -> Optional[str]:
    """Return what is wrong with the installation of MXNet as one line, or None. Imports MXNet."""
    packages = [name for name in PACKAGES if _version(name)]
    if len(packages) > 1:
        return (
            f'{" and ".join(packages)} are both installed, and each overwrites files of the other: '
            f'pip uninstall {" ".join(packages)}; then {INSTALL}'
        )
    try:
        importlib.import_module('mxnet')
    except ImportError as error:
        return MISSING if error.name == 'mxnet' else f'MXNet cannot be imported ({_one_line(error)}): {INSTALL}'
    except OSError as error:
        return f'MXNet cannot be imported ({_one_line(error)}): its libraries are to be found by LD_LIBRARY_PATH'
    return None


def require_mxnet(name: str) -> None:
    """End a script that needs MXNet with one line and exit status 2 where MXNet is missing or installed twice.

    name: the script's `__name__`. Nothing is checked where that is not '__main__': a module that is imported from Python raises
    ModuleNotFoundError by itself.
    """
    text = problem() if name == '__main__' else None
    if text:
        print(f'error: {text}', file=sys.stderr)
        sys.exit(MISTAKE)


def explain_missing_mxnet() -> None:
    """Make every later `import mxnet` of this process that finds no MXNet raise ModuleNotFoundError with MISSING as its text.

    Python's own text would name no extra. Nothing changes where MXNet is installed.
    """
    if 'mxnet' not in sys.modules and _LastFinder not in sys.meta_path and importlib.util.find_spec('mxnet') is None:
        sys.meta_path.append(_LastFinder)


class _LastFinder:
    """A finder of modules that Python asks after all others."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name == 'mxnet':
            raise ModuleNotFoundError(MISSING, name=name)


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())

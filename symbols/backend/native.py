"""The operator of symbols/native/, a block of a network at once: compiled for this processor when first needed, loaded into MXNet.

It needs g++ (or the compiler of $CXX) and MXNet's interface for such operators, which lies beside MXNet. The library is kept in the cache
folder (base/cache.py), by what it was made of, so it is compiled once. $DSONAS_NATIVE says another folder, or 0: it is not used. Without
it MXNet's own operators compute the same, in up to twice the time.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
from typing import List, Optional, Sequence

import mxnet as mx

from ...base import cache, children, files, machine
from ...base.errors import UserError

SETTING = 'DSONAS_NATIVE'
SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'native')
FLAGS = ('-shared', '-fPIC', '-std=c++17', '-O3', '-fopenmp')
COMPILERS = ('g++', 'c++')
PATIENCE = 600  # seconds for a compiler
LARGEST = 1 << 28  # bytes of a file that is read


@functools.lru_cache(maxsize=None)
def missing() -> Optional[str]:
    """Load the operator, and compile it before if need be; once in a process. Returns None, or why it is not there."""
    if os.environ.get(SETTING) == '0':
        return f'{SETTING}=0'
    try:
        path = _made()
        mx.library.load(path, verbose=False)
    except (
        UserError,
        OSError,
        ValueError,
        mx.base.MXNetError,
    ) as error:  # ValueError: of a path that this locale cannot write
        said = [line.strip() for line in str(error).split('\n') if line.strip()]
        return said[-1] if said else type(error).__name__
    return None if hasattr(mx.nd, 'dsonas_block') else f'{path}: MXNet loads it without its operator'


def blocks() -> str:
    """Return how networks compute their blocks on the CPU, as environment.json has it: 'compiled' or 'operators'."""
    return 'operators' if missing() else 'compiled'


def interface() -> List[str]:
    """Return the paths of the two files of MXNet that the operator is compiled with: a header and a source."""
    folder = os.path.dirname(os.path.abspath(mx.__file__))
    return [os.path.join(folder, 'include', 'mxnet', 'lib_api.h'), os.path.join(folder, 'src', 'lib_api.cc')]


def _made() -> str:
    """The path of the library, which is compiled if it is not there yet. Raises UserError, OSError."""
    header, source = interface()
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES)) if name.endswith(('.h', '.cc'))]
    content = [files.read_bytes(path, LARGEST) for path in [*sources, header, source]]
    compiler = _compiler()
    total = hashlib.sha256()
    for part in [*content, shlex.join([*compiler, *FLAGS]).encode(), machine.instructions().encode()]:
        total.update(f'{len(part)};'.encode() + part)
    folder = os.path.abspath(os.environ.get(SETTING) or cache.folder())
    path = os.path.join(folder, f'block-{total.hexdigest()[:16]}.so')
    if not _is_whole(path):
        os.makedirs(folder, exist_ok=True)
        with files.replacement(path) as beside:
            folders = [os.path.dirname(os.path.dirname(header)), os.path.dirname(source)]
            _compile(compiler, [path for path in sources if path.endswith('.cc')], folders, beside)
            with open(beside, 'rb') as stream:
                digest = hashlib.sha256(stream.read()).digest()
            with open(beside, 'ab') as stream:  # who loads a library looks at its beginning
                stream.write(digest)
    return path


def _is_whole(path: str) -> bool:
    """Whether a library is there as it was written: one that is cut would end the process that loads it."""
    if not os.path.exists(path):
        return False
    content = files.read_bytes(path, LARGEST)
    size = hashlib.sha256().digest_size
    return hashlib.sha256(content[:-size]).digest() == content[-size:]


def _compiler() -> List[str]:
    """The words of the command that compiles. Raises UserError where there is none."""
    wanted = shlex.split(os.environ.get('CXX') or '')
    for name in wanted[:1] or COMPILERS:
        found = shutil.which(name)
        if found:
            return [found, *wanted[1:]]
    raise UserError(
        f'CXX={shlex.join(wanted)}: there is no such compiler'
        if wanted
        else f'no compiler: none of {", ".join(COMPILERS)}'
    )


def _compile(compiler: Sequence[str], sources: Sequence[str], folders: Sequence[str], path: str) -> None:
    """Compile; folders: of what the sources include. Raises UserError with the first error that the compiler names."""
    found = [word for folder in folders for word in ('-I', folder)]
    command = [*compiler, *FLAGS, _this_processor(), *found, *sources, '-o', path]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        told = child.communicate(timeout=PATIENCE)[1].decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        raise UserError(f'{compiler[0]}: it has not ended in {PATIENCE} seconds') from None
    finally:
        children.end(child, signal.SIGKILL)
    if child.returncode:
        said = next((line for line in told.split('\n') if 'error' in line), f'it ended with status {child.returncode}')
        raise UserError(f'{compiler[0]}: {said.strip()}')


def _this_processor() -> str:
    """The flag for code of this processor alone, as compilers for its kind write it."""
    return '-march=native' if platform.machine().lower() in ('x86_64', 'amd64', 'i686') else '-mcpu=native'

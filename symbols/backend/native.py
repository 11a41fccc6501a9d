"""The operator of symbols/native/, a block of a network at once: compiled for this processor when first needed, loaded into MXNet.

It needs g++ (or the compiler of $CXX) and MXNet's interface for such operators, which lies beside MXNet. The library is kept in the cache
folder (base/cache.py), by what it was made of, so it is compiled once. $DSONAS_NATIVE says another folder, or 0: it is not used. Without
it MXNet's own operators compute the same, in up to twice the time.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from typing import List, Optional, Sequence

import mxnet as mx

from ...base import cache, files, machine
from ...base.errors import UserError

SETTING = 'DSONAS_NATIVE'
SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'native')
MAIN = 'operator.cc'
FLAGS = ('-shared', '-fPIC', '-std=c++17', '-O3', '-fopenmp')
THIS_PROCESSOR = ('-march=native', '-mcpu=native')  # one of them; compilers differ in which they know
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
    except (UserError, OSError, mx.base.MXNetError, subprocess.SubprocessError) as error:
        return str(error).strip().split('\n')[0] or type(error).__name__
    return None if hasattr(mx.nd, 'dsonas_block') else f'{path}: MXNet loads it without its operator'


def blocks() -> str:
    """Return how networks compute their blocks on the CPU, as environment.json has it: 'compiled' or 'operators'."""
    return 'operators' if missing() else 'compiled'


def interface() -> List[str]:
    """Return the paths of the two files of MXNet that the operator is compiled with: a header and a source."""
    folder = os.path.dirname(os.path.abspath(mx.__file__))
    return [os.path.join(folder, 'include', 'mxnet', 'lib_api.h'), os.path.join(folder, 'src', 'lib_api.cc')]


def _made() -> str:
    """The path of the library, which is compiled if it is not there yet. Raises UserError, OSError, SubprocessError."""
    header, source = interface()
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES)) if name.endswith(('.h', '.cc'))]
    content = [files.read_bytes(path, LARGEST) for path in [*sources, header, source]]
    compiler = _compiler()
    total = hashlib.sha256()
    for part in [*content, ' '.join(FLAGS).encode(), compiler.encode(), machine.instructions().encode()]:
        total.update(f'{len(part)};'.encode() + part)
    path = os.path.join(os.environ.get(SETTING) or cache.folder(), f'block-{total.hexdigest()[:16]}.so')
    if not _is_whole(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with files.replacement(path) as beside:
            _compile(compiler, [os.path.join(SOURCES, MAIN), source], os.path.dirname(os.path.dirname(header)), beside)
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


def _compiler() -> str:
    wanted = os.environ.get('CXX')
    for name in [wanted] if wanted else COMPILERS:
        found = shutil.which(name)
        if found:
            return found
    raise UserError(
        f'CXX={wanted}: there is no such compiler' if wanted else f'no compiler: none of {", ".join(COMPILERS)}'
    )


def _compile(compiler: str, sources: Sequence[str], include: str, path: str) -> None:
    said = ''
    for flag in THIS_PROCESSOR:
        command = [compiler, *FLAGS, flag, '-I', include, *sources, '-o', path]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', timeout=PATIENCE
        )
        if not done.returncode:
            return
        said = said or next((line for line in done.stderr.split('\n') if 'error' in line), f'status {done.returncode}')
    raise UserError(f'{compiler}: {said.strip()}')

"""Write and read environment.json: where and how a run was last started, as far as its numbers depend on it."""

from __future__ import annotations

import dataclasses
import datetime
import os
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Optional, Sequence, get_type_hints

from ..base import documents, machine
from ..base.errors import UserError
from ..base.fields import AMOUNT, COUNT, TEXT, WHOLE, Field, Fields, check_fields, list_of, whole
from . import checksums

# What must be equal for equal seeds to give equal numbers, and what it is called in a warning.
CONDITIONS = (
    ('threads', 'threads (OMP_NUM_THREADS)'),
    ('processor', 'processor'),
    ('blocks', 'how blocks are computed'),
)


@dataclasses.dataclass
class Environment:
    """The fields of environment.json; None is what an older version did not write.

    dsonas, mxnet, numpy, python: versions. commit: of the repository, with '-dirty' where files differ from it. memory_gb: 10^9
    bytes. threads: those that share an operator of MXNet on the CPU; search_threads: those of the search of this run, which may
    have been others; omp_num_threads: the variable as it was set. blocks: how those of networks are computed on the
    CPU, 'compiled' (one operator each) or 'operators' (of MXNet). devices: names such as 'gpu(0)', of one worker. kind: of the
    network that is trained, see network.py. data_dir: the folder in which the data set was found. changed: dotted keys of the
    settings that are other than the preset's. started: ISO 8601.
    """

    dsonas: Optional[str] = None
    commit: Optional[str] = None
    mxnet: Optional[str] = None
    numpy: Optional[str] = None
    python: Optional[str] = None
    processor: Optional[str] = None
    cores: Optional[int] = None
    memory_gb: Optional[float] = None
    system: Optional[str] = None
    threads: Optional[int] = None
    search_threads: Optional[int] = None
    omp_num_threads: Optional[str] = None
    blocks: Optional[str] = None
    devices: Optional[List[str]] = None
    kvstore: Optional[str] = None
    workers: Optional[int] = None
    seed: Optional[int] = None
    kind: Optional[str] = None
    data_dir: Optional[str] = None
    command: Optional[List[str]] = None
    changed: Optional[List[str]] = None
    started: Optional[str] = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Environment:
        """Take the known fields of environment.json that have their type; the rest are None.

        Version 0.1.0 wrote the threads only where OMP_NUM_THREADS set them.
        """
        fields = {name: content[name] for name, field in _FIELDS.items() if field.is_accepted(content.get(name))}
        omp_num_threads = fields.get('omp_num_threads', '')
        if 'threads' not in content and omp_num_threads.isdecimal():
            fields['threads'] = int(omp_num_threads)
        return cls(**fields)


_ACCEPTED: Dict[Any, Field] = {
    Optional[str]: TEXT,
    Optional[int]: COUNT,
    Optional[float]: AMOUNT,
    Optional[List[str]]: list_of(TEXT),
}
_FIELDS: Fields = {name: _ACCEPTED[hint] for name, hint in get_type_hints(Environment).items()}
_FIELDS = {**_FIELDS, 'seed': WHOLE, 'workers': whole(1, 10**6)}


def this_environment(
    devices: Sequence[Any], workers: int, kvstore: str, seed: int, kind: str, data_dir: str = ''
) -> Environment:
    """Describe this process and its machine. devices: of this worker; the rest as in Environment."""
    from .. import __version__
    from ..symbols import latency

    measured: Dict[str, Any] = {**machine.versions('mxnet', 'numpy'), **machine.describe()}
    return Environment(
        dsonas=__version__,
        commit=_commit(),
        **measured,
        threads=latency.threads(),
        omp_num_threads=machine.omp_num_threads(),
        devices=[str(device) for device in devices],
        kvstore=kvstore,
        workers=workers,
        seed=seed,
        kind=kind,
        data_dir=data_dir,
        command=_command(sys.argv),
        started=datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
    )


def write_environment(path: str, environment: Environment) -> None:
    """Write environment.json, whole or not at all. Raises OSError."""
    checksums.write_json(path, dataclasses.asdict(environment))


def read_environment(path: str) -> Dict[str, Any]:
    """Read environment.json as it stands, its known fields checked. Raises OSError, UserError naming the file."""
    content: Dict[str, Any] = documents.read_json(path)
    check_fields(content, _FIELDS, path)
    return content


def last_environment(path: str) -> Environment:
    """Read environment.json of an earlier start; empty where there is none or it is damaged, as only a warning rests on it."""
    try:
        content = documents.read_json(path)
    except (OSError, UserError):
        return Environment()
    return Environment.from_dict(content) if isinstance(content, dict) else Environment()


def changed_conditions(before: Environment, now: Environment) -> List[str]:
    """List 'name: old -> new' for what changes the last digits of results; what is not known of one of them is passed over."""
    pairs = [(text, getattr(before, name), getattr(now, name)) for name, text in CONDITIONS]
    return [f'{text}: {old} -> {new}' for text, old, new in pairs if old and new and old != new]


def _command(words: Sequence[str]) -> List[str]:
    """Split the words of a command line where the console command has joined its name and that of its sub-command."""
    first = words[0].split() if words[0].startswith('dsonas ') else words[:1]
    return [*first, *words[1:]]


def _commit() -> str:
    """The commit of the repository that this file is in, '' where it is in none."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = ['git', '-C', here, 'describe', '--always', '--dirty', '--abbrev=40', '--exclude', '*']
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return run.stdout.decode('utf-8', 'replace').strip()

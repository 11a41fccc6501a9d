"""A run is one directory; this module knows its files, keeps two runs out of it, and writes its small ones whole or not at all.

    config.yaml         the resolved configuration, which --config takes
    environment.json    versions, devices, commit, seed, where the data lay
    log.csv             a row an epoch                              (runlog.py)
    lambda.npz          every λ over the epochs of search           (runlog.py)
    architecture.json   what the search left
    network.json/.params  the trained derived network: how to build it, and its parameters by structural name
    summary.json        what a table needs
    checkpoints/        (checkpoint.py)
"""
import datetime
import hashlib
import os
import platform
import subprocess
import sys

import portalocker

from ..base import files, machine
from ..base.errors import UserError

# Of environment.json: what must be equal for equal seeds to give equal numbers, and what it is called in a warning.
CONDITIONS = (('threads', 'threads (OMP_NUM_THREADS)'), ('processor', 'processor'))


class RunDirectory:
    """Paths of a run. Nothing is created before `create` or `lock`."""

    def __init__(self, path):
        self.path = os.path.normpath(path)
        self._lock = None
        for name, file in (('config', 'config.yaml'), ('environment', 'environment.json'), ('log', 'log.csv'), ('gates', 'lambda.npz'),
                           ('architecture', 'architecture.json'), ('network', 'network.json'), ('parameters', 'network.params'),
                           ('summary', 'summary.json'), ('checkpoints', 'checkpoints'), ('events', 'tensorboard')):
            setattr(self, name, os.path.join(self.path, file))

    def exists(self):
        """Whether a run has been here."""
        return os.path.exists(self.config)

    def lock(self):
        """Make the directory and take its lock until the process ends. Raises UserError if another process has it, OSError."""
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = open(os.path.join(self.path, '.lock'), 'a+')
        except OSError as error:
            raise UserError('run directory %s: cannot write there: %s' % (self.path, error.strerror)) from None
        try:
            portalocker.lock(self._lock, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.LockException:
            self._lock = None
            raise UserError('run directory %s: another run is working in it; wait for it, or name another with --run'
                             % self.path) from None

    def unlock(self):
        if self._lock:
            self._lock.close()
            self._lock = None

    def sweep(self):
        """Remove what a killed run had begun to write."""
        for folder in (self.path, self.checkpoints):
            files.remove_leftovers(folder)

    def write_start(self, text, config, devices, data_dir=''):
        """Write config.yaml, the YAML `text` of `config`, and environment.json; data_dir: the folder in which the data set was found."""
        files.write_text(self.config, text)
        files.write_json(self.environment, environment(config, devices, data_dir))

    def read_environment(self):
        """environment.json as it stands: a dict, empty where there is none or it is damaged, since nothing but a warning rests on it."""
        try:
            content = files.read_json(self.environment)
        except (OSError, UserError):
            return {}
        return content if isinstance(content, dict) else {}

    def read_summary(self):
        """summary.json, {} if there is none. Raises UserError for a damaged one."""
        if not os.path.exists(self.summary):
            return {}
        summary = files.read_json(self.summary)
        if not isinstance(summary, dict):
            raise UserError('%s: expected a mapping of names to values' % self.summary)
        return summary

    def write_network(self, description, save_parameters):
        """network.params by `save_parameters(path)`, then network.json: `description` with the checksum of network.params."""
        with files.replacement(self.parameters) as beside:
            save_parameters(beside)
            with open(beside, 'rb') as stream:
                digest = hashlib.sha256(stream.read()).hexdigest()
        files.write_json(self.network, dict(description, sha256=digest))


def free_name(root, stem):
    """The first of root/stem-1, root/stem-2, … that does not exist."""
    number = 1
    while os.path.exists(os.path.join(root, '%s-%d' % (stem, number))):
        number += 1
    return os.path.join(root, '%s-%d' % (stem, number))


def environment(config, devices, data_dir=''):
    """Describe the machine, as far as a reader needs it to understand the numbers of a run."""
    import mxnet
    import numpy

    from .. import __version__
    from ..symbols import latency
    return {
        'dsonas': __version__, 'commit': _commit(), 'mxnet': mxnet.__version__, 'numpy': numpy.__version__,
        'python': platform.python_version(), **machine.describe(),
        'threads': latency.threads(), 'omp_num_threads': machine.omp_num_threads(),
        'devices': [str(context) for context in devices.contexts],
        'kvstore': config.train.kvstore, 'workers': devices.workers, 'seed': config.seed, 'data_dir': data_dir, 'command': sys.argv,
        'started': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
    }


def changed_conditions(before, now):
    """List 'name: old -> new' for what two environments differ in that changes the last digits of results.

    before, now: contents of environment.json. A field that one of them lacks, or has in another type, is passed over: older
    versions did not write all of them. Version 0.1.0 wrote the threads only where OMP_NUM_THREADS set them.
    """
    set_threads = before.get('omp_num_threads')
    if 'threads' not in before and isinstance(set_threads, str) and set_threads.isdecimal():
        before = dict(before, threads=int(set_threads))
    return [f'{text}: {before[name]} -> {now[name]}' for name, text in CONDITIONS
            if before.get(name) and now.get(name) and type(before[name]) is type(now[name]) and before[name] != now[name]]


def _commit():
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        run = subprocess.run(['git', '-C', here, 'describe', '--always', '--dirty', '--abbrev=40', '--exclude', '*'],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return run.stdout.decode('utf-8', 'replace').strip()

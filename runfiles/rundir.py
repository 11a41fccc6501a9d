"""A run is one directory; this module knows its files, keeps two runs out of it, and writes its small ones whole or not at all.

    config.yaml         the resolved configuration, which --config takes
    environment.json    versions, devices, commit, seed
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

    def write_start(self, text, config, devices):
        """Write config.yaml, the YAML `text` of `config`, and environment.json."""
        files.write_text(self.config, text)
        files.write_json(self.environment, environment(config, devices))

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


def environment(config, devices):
    """What a reader needs to know of the machine to understand the numbers of a run."""
    import mxnet
    import numpy

    from .. import __version__
    return {
        'dsonas': __version__, 'commit': _commit(), 'mxnet': mxnet.__version__, 'numpy': numpy.__version__,
        'python': platform.python_version(), **machine.describe(),
        'omp_num_threads': machine.omp_num_threads(), 'devices': [str(context) for context in devices.contexts],
        'kvstore': config.train.kvstore, 'workers': devices.workers, 'seed': config.seed, 'command': sys.argv,
        'started': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
    }


def _commit():
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        run = subprocess.run(['git', '-C', here, 'describe', '--always', '--dirty', '--abbrev=40', '--exclude', '*'],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return run.stdout.decode('utf-8', 'replace').strip()

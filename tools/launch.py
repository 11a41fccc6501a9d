"""Start a distributed run: a scheduler, servers and workers, here or by ssh on several hosts.

    python tools/launch.py -n 2 -s 1 -- python train/search.py --kvstore dist_sync --run runs/two ...
    python tools/launch.py -n 8 -s 4 --hostfile hosts -- python train/search.py --kvstore dist_device_sync ...

Every process's output comes with its name in front. When one fails, the others are ended, and so is this; SIGTERM and SIGINT go to the
workers, which then stop at the next step. Hosts (one a line) must see the same files under the same paths, and let ssh in without asking.
"""

import argparse
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from dsonas.base import argtypes, children, cli
from dsonas.base.errors import UserError
from dsonas.base.text import shown

GRACE = 20.0  # seconds in which the others may end by themselves after one has failed, or the servers after the workers
PASSED = (
    'DMLC_',
    'PS_',
    'MXNET_',
    'OMP_',
    'KMP_',
    'DSONAS_',
    'CUDA_',
    'NCCL_',
    'LD_LIBRARY_PATH',
    'PYTHONPATH',
)  # to other hosts
HOST = re.compile(r'[A-Za-z0-9_\[][A-Za-z0-9_.@:%\[\]-]*')  # name, user@name or address, and never a flag of ssh
SERVE = 'import mxnet'  # with DMLC_ROLE=server or scheduler, the import serves until the workers are done


class Launch:
    """The processes of one job. python: the interpreter for scheduler and servers."""

    def __init__(
        self,
        workers: int,
        servers: int,
        command: Sequence[str],
        hosts: Sequence[str] = (),
        ssh: Sequence[str] = ('ssh', '-o', 'BatchMode=yes'),
        port: int = 0,
        python: str = sys.executable,
    ) -> None:
        self.command, self.hosts, self.ssh, self.python = list(command), list(hosts), list(ssh), python
        self.processes: List[Tuple[str, children.Child]] = []
        self.readers: List[children.Reader] = []
        self.asked = 0
        root = _address_towards(self.hosts[0]) if self.hosts else '127.0.0.1'
        self.settings = {
            'DMLC_PS_ROOT_URI': root,
            'DMLC_PS_ROOT_PORT': str(port or _free_port()),
            'DMLC_NUM_WORKER': str(workers),
            'DMLC_NUM_SERVER': str(servers),
        }
        if not self.hosts:
            self.settings['DMLC_NODE_HOST'] = root
        self.start('scheduler', 'scheduler', [python, '-c', SERVE])
        for number in range(servers):
            self.start(f'server {number}', 'server', [python, '-c', SERVE], number)
        for number in range(workers):
            self.start(f'worker {number}', 'worker', self.command, number)

    def start(self, name: str, role: str, command: Sequence[str], number: int = 0) -> None:
        """Start one process; the scheduler always here."""
        settings = dict(self.settings, DMLC_ROLE=role)
        environment = dict(os.environ, **settings)
        stdin = subprocess.DEVNULL
        if self.hosts and role != 'scheduler':
            given = {key: value for key, value in environment.items() if key.startswith(PASSED)}
            command = self.ssh + [self.hosts[number % len(self.hosts)], _remote(given, command)]
            stdin = subprocess.PIPE  # stays open as long as this process lives
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=children.die_with_parent,
        )
        self.processes.append((name, process))
        self.readers += children.forward(name, process)

    def of(self, role: str) -> List[children.Child]:
        """Processes of a role: 'worker', 'server' or 'scheduler'."""
        return [process for name, process in self.processes if name.startswith(role)]

    def ask(self, number: int, _frame: Any = None) -> None:
        """Pass a signal to the workers; end everything when asked a second time."""
        if self.asked:
            self.end(signal.SIGKILL, self.processes)
        self.asked = number
        self.end(number, [entry for entry in self.processes if entry[0].startswith('worker')])

    @staticmethod
    def end(number: int, entries: Sequence[Tuple[str, children.Child]]) -> None:
        for _, process in entries:
            children.end(process, number)

    def wait(self) -> int:
        """Until all workers are done or one process has failed; ends what is left. Returns the exit status of the whole."""
        failed = None
        while failed is None and any(process.poll() is None for process in self.of('worker')):
            time.sleep(0.1)
            failed = self._failed()
            if children.failed(self.readers) and not self.asked:
                self.ask(signal.SIGTERM)
        failed = failed or self._failed()
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(process.poll() is None for _, process in self.processes):
            if failed and all(process.poll() is not None for process in self.of('worker')):
                break  # servers would wait for ever
            time.sleep(0.1)
        self.end(signal.SIGKILL, self.processes)
        for _, process in self.processes:
            process.wait()
        for reader in self.readers:
            reader.join(5)
        unread = children.failed(self.readers)
        if unread:
            raise unread
        if failed:
            name, status = failed
            how = f'ended with status {status}' if status >= 0 else f'was killed by signal {-status}'
            print(f'launch: {name} {how}; the job is over', file=sys.stderr, flush=True)
            return status if status > 0 else 128 - status
        return 0

    def _failed(self) -> Optional[Tuple[str, int]]:
        for name, process in self.processes:
            if process.poll():
                return name, process.returncode
        return None


def _remote(environment: Mapping[str, str], command: Sequence[str]) -> str:
    """Shell text that runs `command` in this folder, and ends it when the connection's input is closed."""
    assignments = ' '.join(f'{key}={shlex.quote(value)}' for key, value in sorted(environment.items()))
    run = f'env {assignments} {" ".join(shlex.quote(word) for word in command)}'
    return (
        f'exec 3<&0; cd {shlex.quote(os.getcwd())} && {{ {run} & child=$!; {{ cat <&3; kill -9 $child; }} >/dev/null 2>&1 & guard=$!; '
        'wait $child; status=$?; kill $guard; exit $status; }'
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('', 0))
        return int(probe.getsockname()[1])


def _address_towards(host: str) -> str:
    """The address of this machine on the way to `host`. Raises UserError for a host that has no address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host.rpartition('@')[2], 9))
        except OSError as error:
            raise UserError(f'host {host}: {error}') from None
        return str(probe.getsockname()[0])


def read_hosts(path: str) -> List[str]:
    """Hosts of a file, one a line, empty lines and comments left out. Raises OSError, UserError for none."""
    with open(path, encoding='utf-8', errors='replace') as stream:
        hosts = [line.split('#')[0].strip() for line in stream]
    hosts = [host for host in hosts if host]
    if not hosts:
        raise UserError(f'{path}: no host in it; expected one a line')
    for host in hosts:
        if not HOST.fullmatch(host):
            raise UserError(f'{path}: {shown(host)} is no host; expected one a line, as name or user@name')
    return hosts


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = cli.parser(__doc__)
    parser.add_argument('-n', '--workers', type=argtypes.PROCESSES, default=2, help='workers')
    parser.add_argument('-s', '--servers', type=argtypes.PROCESSES, default=1, help='servers')
    parser.add_argument('--hostfile', help='hosts for workers and servers, one a line; without it all run here')
    parser.add_argument('--port', type=argtypes.PORT, default=0, help='port of the scheduler; 0: a free one')
    parser.add_argument('--ssh', default='ssh -o BatchMode=yes', help='how to reach a host')
    parser.add_argument('command', nargs=argparse.REMAINDER, metavar='-- COMMAND', help='what each worker runs')
    given = parser.parse_args(argv)
    command = given.command[1:] if given.command[:1] == ['--'] else given.command
    if not command:
        raise UserError('expected: launch.py -n WORKERS -s SERVERS -- COMMAND, which is missing')
    hosts = read_hosts(given.hostfile) if given.hostfile else ()
    python = command[0] if os.path.basename(command[0]).startswith('python') else sys.executable
    launch = Launch(given.workers, given.servers, command, hosts, shlex.split(given.ssh), given.port, python)
    signal.signal(signal.SIGTERM, launch.ask)
    signal.signal(signal.SIGINT, launch.ask)
    return launch.wait()


if __name__ == '__main__':
    cli.main(main)

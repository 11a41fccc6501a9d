"""Several workers: the launcher, the exchange through servers, one run directory, and what happens when a worker dies."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import numpy as np

from dsonas.runfiles import checkpoint
from dsonas.train.config import settings
from dsonas.train.runtime.watchdog import Watchdog
from dsonas.train.searching import pipeline

from .conftest import ROOT, columns, same_arrays

LAUNCH = 'tools/launch.py'


def launched(words, *command):
    """The Popen of a launcher."""
    return subprocess.Popen(
        [sys.executable, os.path.join(ROOT, LAUNCH)] + list(words) + ['--', sys.executable] + list(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
    )


def config_file(config, path):
    with open(str(path), 'w') as stream:
        stream.write(settings.dump(config))
    return str(path)


def test_two_workers_are_one_run(tiny, tmp_path):
    """As two devices of one process with the same data order, in everything that batch norm's statistics leave alike."""
    config = tiny('workers', train__kvstore='dist_sync', search__epochs=2, search__gamma=0.05)
    job = launched(
        ['-n', '2', '-s', '1'],
        os.path.join(ROOT, 'train/search.py'),
        '--config',
        config_file(config, tmp_path / 'c.yaml'),
    )
    out, err = job.communicate(timeout=100)
    assert job.returncode == 0, err
    assert '[worker' in out and out.count('search 2/2') == 1, 'one worker speaks'
    assert 'a worker sends' in out
    two = tiny('devices', train__cpus=2, search__epochs=2, search__gamma=0.05)
    pipeline.search(two, ('pretrain', 'search'))
    for row, other in zip(columns(config.run, ('loss', 'gate_loss')), columns(two.run, ('loss', 'gate_loss'))):
        np.testing.assert_allclose(
            [float(value or 0) for value in row], [float(value or 0) for value in other], atol=0.02
        )
    newest = checkpoint.Checkpoints(config.run + '/checkpoints').newest(print)
    assert (newest.stage, newest.epoch) == ('search', 2)
    # And one worker goes on where two have stopped.
    more = settings.replace(config, train__kvstore='device', search__epochs=3)
    pipeline.search(more, ('pretrain', 'search'), resume=True, allow_changes=True)
    assert [row[1] for row in columns(config.run) if row[0] == 'search'] == [1, 2, 3]


EXCHANGE = """
import hashlib
import numpy as np
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.symbols.backend import layout
from dsonas.train.engine import learner
from dsonas.train.engine import stage
from dsonas.train.runtime import state
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.runtime.devices import Devices
from dsonas.train.engine.losses import Loss
import mxnet as mx
class Inference:
    record = staticmethod(lambda: mx.autograd.record(train_mode=False))
    @staticmethod
    def backward(losses):
        mx.autograd.backward(losses, train_mode=False)
        layout.plain_parameters(net)    # inference has left weights in another layout: bring them back before the update
learner.autograd = Inference
import sys
on = Devices(Train(cpus=1, kvstore=sys.argv[1]))
assert on.total([1, on.rank]).tolist() == [on.workers, sum(range(on.workers))]
assert on.same_everywhere(b'x' * 32) and (on.workers == 1 or not on.same_everywhere(bytes([on.rank]) * 32))
net = Supernet(SearchSpace(channels=8, blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3')))
stage.initialise(net, on, 16, on.rank, 'test')    # worker 0's values count
made = learner.Learner(net, net.gates, Loss(), on, learner.nag(net.weights().values(), Pretrain()), learner.apg_nag(Search(gamma=0.01)))
generator = np.random.RandomState(1)
for step in range(12):
    x, y = generator.rand(8, 3, 16, 16).astype('float32'), generator.randint(0, 10, 8).astype('int32')
    made.step('gates' if step % 2 else 'weights', x[on.rank::on.workers], y[on.rank::on.workers], 8, (), {'weights': 0.001, 'gates': 0.01})
    if step == 6:
        net(mx.nd.array(x)).wait_to_read()     # inference in between, as a test does
        layout.plain_parameters(net)
assert on.same_everywhere(state.digest(made)), 'the workers hold different weights'
on.barrier()
if on.main:
    np.savez(sys.argv[2], **{name: array.asnumpy() for name, array in ((n, p.data()) for n, p in state.parameters(net).items())})
print('sent', made.bytes_a_step('weights'), made.bytes_a_step('gates'), flush=True)
"""


def test_two_workers_follow_one(tmp_path, python):
    """Batch norm in inference mode: to float tolerance."""
    one, two = str(tmp_path / 'one.npz'), str(tmp_path / 'two.npz')
    done = python('-c', EXCHANGE, 'device', one)
    assert done.returncode == 0, done.stderr
    job = launched(['-n', '2', '-s', '2'], '-c', EXCHANGE, 'dist_sync', two)
    out, err = job.communicate(timeout=100)
    assert job.returncode == 0, err
    with np.load(one) as first, np.load(two) as second:
        assert sorted(first.files) == sorted(second.files)
        for name in first.files:
            np.testing.assert_allclose(second[name], first[name], rtol=1e-4, atol=2e-6, err_msg=name)
    assert 'sent' in out and ' %d\n' % (4 * 12) in out


def test_a_dead_worker_ends_the_others(tiny, tmp_path):
    config = tiny('dying', train__kvstore='dist_sync', pretrain__epochs=100000)
    job = launched(
        ['-n', '2', '-s', '1'],
        os.path.join(ROOT, 'train/search.py'),
        '--config',
        config_file(config, tmp_path / 'c.yaml'),
    )
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(config.run + '/log.csv') and time.monotonic() < deadline:
            time.sleep(0.2)
        victim = children(job.pid, 'train/search.py')[0]
        os.kill(victim, signal.SIGKILL)
        started = time.monotonic()
        out, err = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode not in (0, None) and time.monotonic() - started < 60
    assert 'has died' in err or 'worker 0 has' in err, err
    assert 'was killed by signal 9' in err and '--resume' in err
    again = settings.replace(config, train__kvstore='device', pretrain__epochs=columns(config.run)[-1][1] + 1)
    pipeline.search(again, ('pretrain',), resume=True, allow_changes=True)
    assert columns(config.run)[-1][1] == again.pretrain.epochs


def children(parent, word):
    """Processes that `parent` started whose command line holds `word`."""
    found = []
    for name in os.listdir('/proc'):
        try:
            with open('/proc/%s/stat' % name) as status, open('/proc/%s/cmdline' % name) as line:
                if int(status.read().rpartition(')')[2].split()[1]) == parent and word in line.read():
                    found.append(int(name))
        except (OSError, ValueError):
            continue
    return found


def test_a_job_that_is_asked_to_stop(tiny, tmp_path):
    config = tiny('asked', train__kvstore='dist_sync', pretrain__epochs=100000)
    job = launched(
        ['-n', '2', '-s', '1'],
        os.path.join(ROOT, 'train/search.py'),
        '--config',
        config_file(config, tmp_path / 'c.yaml'),
    )
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(config.run + '/log.csv') and time.monotonic() < deadline:
            time.sleep(0.2)
        job.send_signal(signal.SIGTERM)
        out, err = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode == 0, err
    assert 'checkpoint written' in err
    last = checkpoint.Checkpoints(config.run + '/checkpoints').positions()[-1]
    checkpoint.read(last.path)
    assert not children(job.pid, '')


def test_workers_that_were_stopped_within_an_epoch_go_on_as_if_not(tiny, tmp_path):
    """Bit for bit, the statistics of each worker's batch norm too."""
    runs = {}
    for name, minutes in (('whole', 0), ('stopped', 1e-9)):
        config = runs[name] = tiny(
            name, train__kvstore='dist_sync', train__checkpoint_minutes=minutes, data__limit=1600, pretrain__epochs=2
        )
        command = [
            os.path.join(ROOT, 'train/search.py'),
            '--config',
            config_file(config, tmp_path / (name + '.yaml')),
            '--stages',
            'pretrain',
            '--run',
            config.run,
        ]
        job = launched(['-n', '2', '-s', '1'], *command)
        saved = checkpoint.Checkpoints(config.run + '/checkpoints')
        try:
            while minutes and job.poll() is None and not any(position.step for position in saved.positions()):
                time.sleep(0.01)
            if minutes:
                job.send_signal(signal.SIGTERM)
            out, err = job.communicate(timeout=100)
        finally:
            job.kill()
        assert job.returncode == 0, err
    epoch, step = saved.positions()[-1].epoch, saved.positions()[-1].step
    assert (epoch, step) < (2, 0) and step
    assert {'param/0/stem_bn_running_var', 'param/1/stem_bn_running_var'} <= set(saved.newest(print).arrays)
    job = launched(['-n', '2', '-s', '1'], *command, '--resume')
    out, err = job.communicate(timeout=100)
    assert job.returncode == 0, err
    assert columns(runs['whole'].run) == columns(runs['stopped'].run)
    ends = [checkpoint.Checkpoints(config.run + '/checkpoints').newest(print).arrays for config in runs.values()]
    assert same_arrays(*ends)


def test_launch_passes_status_output_and_hosts(tmp_path):
    """Failure of one ends all; with hosts, everything but the scheduler goes through ssh (here a stand-in that runs it on the spot)."""
    job = launched(
        ['-n', '2', '-s', '1'],
        '-c',
        'import os, sys, time\nprint("rank at work", flush=True)\n'
        f'folder = {str(tmp_path)!r}\nopen(os.path.join(folder, "at-work-%d" % os.getpid()), "w").close()\n'
        'while len([name for name in os.listdir(folder) if name.startswith("at-work")]) < 2: time.sleep(0.02)\n'
        'sys.exit(7)',
    )
    out, err = job.communicate(timeout=60)
    assert job.returncode == 7 and '[worker 0] rank at work' in out and '[worker 1] rank at work' in out
    assert 'ended with status 7' in err
    log = tmp_path / 'hosts.log'
    ssh = tmp_path / 'ssh'
    ssh.write_text('#!/bin/sh\necho "$1" >> %s\nshift\nexec sh -c "$*"\n' % log)
    os.chmod(str(ssh), os.stat(str(ssh)).st_mode | stat.S_IXUSR)
    hosts = tmp_path / 'hosts'
    hosts.write_text('127.0.0.1\n# a comment\nlocalhost\n')
    job = launched(
        ['-n', '2', '-s', '1', '--hostfile', str(hosts), '--ssh', str(ssh)],
        '-c',
        'import mxnet as mx\nkv = mx.kv.create("dist_sync")\nprint("rank", kv.rank, "of", kv.num_workers, flush=True)\n'
        'kv._barrier()',
    )
    out, err = job.communicate(timeout=60)
    assert job.returncode == 0, err
    assert 'rank 0 of 2' in out and 'rank 1 of 2' in out
    assert sorted(log.read_text().split()) == ['127.0.0.1', '127.0.0.1', 'localhost']
    job = launched(['-n', '0'], '-c', 'pass')
    out, err = job.communicate(timeout=60)
    assert job.returncode == 2 and err.count('\n') == 1


def test_a_launch_whose_output_nobody_reads_ends_its_workers(tmp_path):
    """As behind `| head`: the workers are asked to stop, and do not wait for ever for their lines to be read."""
    stopped = tmp_path / 'stopped'
    job = launched(
        ['-n', '1', '-s', '1'],
        '-c',
        'import pathlib, signal, sys, time\n'
        f'def stop(number, frame):\n    pathlib.Path({str(stopped)!r}).touch()\n    sys.exit(0)\n'
        'signal.signal(signal.SIGTERM, stop)\n'
        'while True:\n    print("at work", flush=True)\n    time.sleep(0.01)',
    )
    assert job.stdout.readline() == '[worker 0] at work\n'
    job.stdout.close()
    assert job.wait(60) == 141 and stopped.exists() and 'Traceback' not in job.stderr.read()


class Exchange:
    """Worker 0's numbers for all, within one process."""

    def __init__(self):
        self.numbers, self.there = None, threading.Event()

    def share(self, numbers):
        if any(numbers):
            self.numbers = numbers
            self.there.set()
        assert self.there.wait(10)
        return self.numbers


def watched(workers, seconds=30.0):
    exchange, told = Exchange(), {rank: [] for rank in range(workers)}
    dogs = [Watchdog(rank, workers, exchange.share, seconds, told[rank].append) for rank in range(workers)]
    return dogs, told


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_watchdog_tells_all_who_died():
    dogs, told = watched(3)
    dogs[2]._closing.set()  # worker 2 says nothing more, and its connection is cut
    dogs[2]._connection.shutdown(socket.SHUT_RDWR)
    assert wait_for(lambda: told[0] and told[1])
    assert 'worker 2 has died' in told[0][0] and 'worker 2 has died' in told[1][0]


def test_watchdog_notices_silence(monkeypatch):
    monkeypatch.setattr('dsonas.train.runtime.watchdog.BEAT', 0.2)
    dogs, told = watched(2, seconds=1.0)
    dogs[1]._closing.set()
    assert wait_for(lambda: told[0]) and 'silent' in told[0][0]


def test_watchdog_lets_go_in_peace():
    dogs, told = watched(3)
    for dog in reversed(dogs):
        dog.close()
    for thread in [thread for dog in dogs for thread in dog._threads]:
        thread.join(20)
        assert not thread.is_alive()
    assert not any(told.values())

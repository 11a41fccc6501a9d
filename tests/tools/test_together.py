"""Commands of an experiment side by side: in which order, with how many threads, and what happens when one fails or a signal comes."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from dsonas.base import children
from dsonas.tools.recipes import catalogue, running, together
from dsonas.tools.recipes.steps import RETRAINING, SEARCHING, Settings, Step, steps

# A command that waits until so many others are at work, writes its result, and leaves what it saw: NAME RUN KEY OTHERS HOW
COMMAND = """
import json, os, pathlib, signal, sys, time
name, run, key, others, how = sys.argv[1:]
root = pathlib.Path(__file__).parent
def stopped(number, frame):
    (root / f'{name}.stopped').write_text(str(number))
    sys.exit(130 if number == signal.SIGINT else 0)
signal.signal(signal.SIGTERM, stopped)
signal.signal(signal.SIGINT, stopped)
seen = {'threads': os.environ['OMP_NUM_THREADS'], 'needs': sorted(path.name for path in root.glob('*.done')), 'start': time.time()}
(root / f'{name}.begun').write_text(str(os.getpid()))
until = time.time() + (60 if how == 'wait' else 20)
while time.time() < until and (how == 'wait' or len(list(root.glob('*.begun'))) < int(others)):
    time.sleep(0.01)
print(name, 'is done')
print(name, 'says so', file=sys.stderr)
if how == 'fail':
    sys.exit(7)
if how != 'stop':
    os.makedirs(run, exist_ok=True)
    path = pathlib.Path(run, 'summary.json')
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), key: 1}))
(root / f'{name}.done').write_text(json.dumps({**seen, 'end': time.time()}))
"""


class Folder:
    """Steps that run COMMAND in a folder, and what they left there."""

    def __init__(self, path):
        self.path = path
        (path / 'command.py').write_text(COMMAND)

    def step(self, name, run, key='search', others=0, how='', needs=()):
        run = str(self.path / 'runs' / run)
        words = (str(self.path / 'command.py'), name, run, key, str(others), how)
        needs = tuple(str(self.path / 'runs' / need) for need in needs)
        return Step(words, run, key, SEARCHING if key == 'search' else RETRAINING, needs)

    def seen(self):
        return {file.stem: json.loads(file.read_text()) for file in self.path.glob('*.done')}

    def left(self, kind):
        return sorted(file.stem for file in self.path.glob(f'*.{kind}'))

    def quickstart(self, how='', others=0):
        yield self.step('search', 'a')
        yield self.step('searched', 'a', 'test_error', others, how, needs=['a'])
        for number in range(3):
            yield self.step(f'random-{number}', f'a/random-{number}', 'test_error', needs=['a'])


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def work(every, jobs=2, threads=2):
    together.Crew(jobs, threads).work(list(every), running.is_done, running._begun)


def test_what_does_not_need_each_other_runs_at_once_with_a_thread_each(folder, capfd):
    work(folder.quickstart(others=3))  # search, itself and one more have begun before it ends
    seen = folder.seen()
    assert {name: entry['threads'] for name, entry in seen.items()} == {
        'search': '2',
        'searched': '1',
        **{f'random-{number}': '1' for number in range(3)},
    }
    assert all(entry['start'] >= seen['search']['end'] for name, entry in seen.items() if name != 'search')
    for time_of in (entry['start'] for entry in seen.values()):
        assert sum(entry['start'] <= time_of < entry['end'] for entry in seen.values()) <= 2
    out, error = capfd.readouterr()
    assert 'search is done\n' in out and '[a] searched is done\n' in out and '[random-2] random-2 is done\n' in out
    assert '[a] searched says so\n' in error


def test_one_job_is_one_after_the_other_with_all_threads(folder, capfd):
    work(folder.quickstart(), jobs=1, threads=3)
    seen = sorted(folder.seen().values(), key=lambda entry: entry['start'])
    assert [entry['threads'] for entry in seen] == ['3'] * 5
    assert all(one['end'] <= two['start'] for one, two in zip(seen, seen[1:]))
    assert '[' not in capfd.readouterr().out


@pytest.mark.parametrize('name', sorted(catalogue.experiments()))
@pytest.mark.parametrize('jobs, threads', [(1, 1), (1, 2), (2, 2), (3, 8), (4, 4), (9, 2)])
def test_shares_of_every_experiment(name, jobs, threads, tmp_path):
    experiment = catalogue.experiments()[name]
    every = steps(experiment, Settings.of(experiment, {'ROOT': str(tmp_path), 'SEEDS': '3', 'JOBS': '1'}))
    share = together.shares(every, jobs, threads)
    for step in every:
        others, each = share[step]
        assert 1 <= others <= jobs and each >= 1 and (others * each <= threads or each == 1)
        assert all(share[other][1] <= threads for other in every)


def test_every_path_through_random_experiments(folder, capfd):
    """Searches and what needs them, of which some are done: nothing begins early, all of it ends, and never more than may."""
    dice = random.Random(3)
    for trial in range(6):
        (folder.path / str(trial)).mkdir()
        place = Folder(folder.path / str(trial))
        runs = [f'run-{number}' for number in range(dice.randint(1, 3))]
        every = [place.step(f'search-{run}', run) for run in runs]
        for number in range(dice.randint(1, 4)):
            run = dice.choice(runs)
            every.append(place.step(f'train-{number}', f'{run}/{number}', 'test_error', needs=[run]))
        done = {step for step in every if step.key == 'search' and dice.random() < 0.3}
        for step in done:
            os.makedirs(step.run)
            with open(os.path.join(step.run, 'summary.json'), 'w') as stream:
                stream.write('{"search": 1}')
        jobs = dice.randint(1, 3)
        work(every, jobs, 2)
        seen = place.seen()
        assert set(seen) == {step.words[1] for step in every if step not in done}
        for step in every:
            for other in every:
                if other.run in step.needs and other not in done:
                    assert seen[other.words[1]]['end'] <= seen[step.words[1]]['start']
        for entry in seen.values():
            assert sum(one['start'] <= entry['start'] < one['end'] for one in seen.values()) <= jobs


def test_a_failure_stops_the_others_and_begins_nothing_more(folder, capfd):
    every = [folder.step('fails', 'a', others=2, how='fail'), folder.step('waits', 'b', how='wait')]
    every += [folder.step('never', 'c'), folder.step('after', 'a/x', 'test_error', needs=['a'])]
    with pytest.raises(together.Failed, match='fails .* ended with status 7; run again') as raised:
        work(every)
    assert raised.value.status == 7
    assert folder.left('begun') == ['fails', 'waits'] and folder.left('stopped') == ['waits']


def test_a_command_that_ends_well_without_its_result_was_stopped(folder, capfd):
    with pytest.raises(together.Failed, match='stopped before its end; run again'):
        work([folder.step('one', 'a', how='stop'), folder.step('two', 'a/x', 'test_error', needs=['a'])])
    assert folder.left('begun') == ['one']


# An experiment of its own process, whose steps wait: PATH JOBS
EXPERIMENT = """
import pathlib, sys
from dsonas.base import cli
from tests.tools.test_together import Folder, work
def main(words):
    place = Folder(pathlib.Path(sys.argv[1]))
    work([place.step(name, name, how='wait') for name in ('one', 'two')], jobs=int(sys.argv[2]))
cli.main(main)
"""


@pytest.mark.parametrize('jobs', [1, 2])
@pytest.mark.parametrize(
    'number, status', [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=['term', 'int', 'kill']
)
def test_signals_reach_the_commands(folder, jobs, number, status):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen(
        [sys.executable, '-c', EXPERIMENT, str(folder.path), str(jobs)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    begun = []
    for _ in range(1200):
        begun = folder.left('begun')
        if len(begun) == jobs and all((folder.path / f'{name}.begun').read_text() for name in begun):
            break
        time.sleep(0.05)
    pids = [int((folder.path / f'{name}.begun').read_text()) for name in begun]
    if jobs == 1 and number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert folder.left('stopped') == ([] if number == signal.SIGKILL else begun) and len(begun) == jobs
    if number == signal.SIGTERM:
        assert b'stopped by SIGTERM; run again, it goes on from there' in error and b'Traceback' not in error
    if sys.platform == 'linux':
        for _ in range(200):
            if not any(_alive(pid) for pid in pids):
                break
            time.sleep(0.05)
        assert not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as stream:
            return stream.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def test_a_child_in_its_own_session_is_ended_with_what_it_started():
    child = subprocess.Popen(['sh', '-c', 'sleep 60 & echo $!; wait'], stdout=subprocess.PIPE, start_new_session=True)
    grandchild = int(child.stdout.readline())
    children.end(child, signal.SIGKILL)
    child.wait()
    for _ in range(100):
        if not _alive(grandchild):
            break
        time.sleep(0.05)
    assert not _alive(grandchild)
    children.end(child, signal.SIGKILL)  # long gone: nothing happens
    child.stdout.close()

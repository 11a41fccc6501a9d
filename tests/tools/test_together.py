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
    time.sleep(0.5)  # as a checkpoint takes a while
    (root / f'{name}.stopped').write_text(str(number))
    sys.exit(130 if number == signal.SIGINT else 0)
signal.signal(signal.SIGTERM, stopped)
signal.signal(signal.SIGINT, stopped)
seen = {'threads': os.environ['OMP_NUM_THREADS'], 'needs': sorted(path.name for path in root.glob('*.done')), 'start': time.time()}
(root / f'{name}.begun').write_text(str(os.getpid()))
until = time.time() + (60 if how == 'wait' else 20)
while time.time() < until and (how == 'wait' or len(list(root.glob('*.begun'))) < int(others)):
    time.sleep(0.01)
if key == 'search' and how != 'wait':
    time.sleep(0.4)  # longer than it takes to start another command
print('much ' * (100_000 if how == 'talk' else 0) + name, 'is done')
print(name, 'says so', file=sys.stderr, end='')
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
    assert '[a] searched says so\n' in error, 'a last line without its end is a line'


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
        alike = [
            other for other in every if bool(other.needs) == bool(step.needs)
        ]  # searches, or trainings of what they found
        assert others == min(jobs, len(alike)) and each == max(1, threads // others)


def test_what_goes_on_has_as_many_threads_as_before(folder, capfd):
    every = list(folder.quickstart())
    for step in every[:-1]:
        os.makedirs(step.run, exist_ok=True)
        with open(os.path.join(step.run, 'summary.json'), 'w') as stream:
            json.dump({'search': 1, 'test_error': 1}, stream)
    work(every)
    assert {name: entry['threads'] for name, entry in folder.seen().items()} == {'random-2': '1'}


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


def test_a_tool_that_fails_ends_the_experiment_and_has_all_threads(folder, capfd):
    crew = together.Crew(2, 2)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)]
    crew.call(folder.step('well', 'a').words)
    assert folder.seen()['well']['threads'] == '2' and '[' not in capfd.readouterr().out
    with pytest.raises(together.Failed, match='fails .* ended with status 7') as raised:
        crew.call(folder.step('fails', 'a', how='fail').words)
    assert raised.value.status == 7
    assert before == [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
    ]


def test_what_goes_wrong_here_stops_the_commands(folder, capfd):
    def begun(step):
        if step.words[1] == 'two':
            while not folder.left('begun'):
                time.sleep(0.01)
            raise BrokenPipeError
        return step.words

    every = [folder.step('one', 'a', how='wait'), folder.step('two', 'b')]
    with pytest.raises(BrokenPipeError):
        together.Crew(2, 2).work(every, running.is_done, begun)
    assert folder.left('stopped') == ['one'] and folder.left('begun') == ['one']


def test_a_signal_reaches_what_has_only_begun(folder, capfd):
    def begun(step):
        os.kill(os.getpid(), signal.SIGTERM)
        return step.words

    with pytest.raises(together.Stopped):
        together.Crew(2, 2).work([folder.step('one', 'a'), folder.step('two', 'b')], running.is_done, begun)
    assert folder.left('begun') == []


@pytest.mark.parametrize(
    'run, expected',
    [
        ('runs/quickstart', 'quickstart'),
        ('runs/x/retrain-random-1/', 'x/retrain-random-1'),
        ('retrain-full', 'retrain-full'),
    ],
)
def test_names_before_lines_tell_runs_apart(run, expected):
    assert together.label(run) == expected


def test_a_command_that_ends_well_without_its_result_was_stopped(folder, capfd):
    with pytest.raises(together.Failed, match='stopped before its end; run again'):
        work([folder.step('one', 'a', how='stop'), folder.step('two', 'a/x', 'test_error', needs=['a'])])
    assert folder.left('begun') == ['one']


# An experiment of its own process: PATH JOBS HOW
EXPERIMENT = """
import pathlib, sys
from dsonas.base import cli
from tests.tools.test_together import Folder, work
def main(words):
    place = Folder(pathlib.Path(sys.argv[1]))
    work([place.step(name, name, how=sys.argv[3]) for name in ('one', 'two')], jobs=int(sys.argv[2]))
cli.main(main)
"""


def experiment(folder, jobs, how):
    return subprocess.Popen(
        [sys.executable, '-c', EXPERIMENT, str(folder.path), str(jobs), how],
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_listen,
    )


def _listen():
    """Whoever runs these tests may have signals ignored, as nohup does and shells for what they start in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError('it did not happen within a minute')


@pytest.mark.parametrize('jobs', [1, 2])
@pytest.mark.parametrize(
    'number, status',
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
    ids=['term', 'int', 'hup', 'kill'],
)
def test_signals_reach_the_commands(folder, jobs, number, status):
    process = experiment(folder, jobs, 'wait')
    until(lambda: len([name for name in folder.left('begun') if (folder.path / f'{name}.begun').read_text()]) == jobs)
    begun = folder.left('begun')
    pids = [int((folder.path / f'{name}.begun').read_text()) for name in begun]
    if number == signal.SIGINT and jobs == 2:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert folder.left('stopped') == ([] if number == signal.SIGKILL else begun) and len(begun) == jobs
    if number != signal.SIGKILL:
        told = int(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        assert all((folder.path / f'{name}.stopped').read_text() == str(told) for name in begun)
    if number == signal.SIGTERM:
        assert b'stopped by SIGTERM; run again, it goes on from there' in error and b'Traceback' not in error
    if sys.platform == 'linux':
        until(lambda: not any(map(_alive, pids)))


@pytest.mark.skipif(sys.platform != 'linux', reason='looks into /proc')
@pytest.mark.parametrize('jobs', [1, 2])
def test_ctrl_z_halts_the_commands_too(folder, jobs):
    process = experiment(folder, jobs, 'wait')
    until(lambda: len([name for name in folder.left('begun') if (folder.path / f'{name}.begun').read_text()]) == jobs)
    pids = [int((folder.path / f'{name}.begun').read_text()) for name in folder.left('begun')]
    process.send_signal(signal.SIGTSTP)
    until(lambda: all(_state(pid) == 'T' for pid in [process.pid, *pids]))
    process.send_signal(signal.SIGCONT)
    until(lambda: all(_state(pid) in 'SRD' for pid in [process.pid, *pids]))
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143 and len(folder.left('stopped')) == jobs


def test_a_reader_that_pauses_gets_all_that_was_said(folder):
    process = experiment(folder, 2, 'talk')
    until(lambda: len(folder.left('begun')) == 2)
    time.sleep(2)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and out.count(b'much ') == 2 * 100_000 and out.count(b' is done\n') == 2


def test_a_signal_while_a_command_is_begun_reaches_it(folder, capfd, monkeypatch):
    popen = subprocess.Popen

    def begin(*words, **options):
        child = popen(*words, **options)
        until(lambda: folder.left('begun'))
        os.kill(os.getpid(), signal.SIGTERM)
        return child

    monkeypatch.setattr(together.subprocess, 'Popen', begin)
    with pytest.raises(together.Stopped):
        work([folder.step('one', 'a', how='wait')])
    assert folder.left('stopped') == ['one']


@pytest.mark.parametrize('how, status', [('talk', 141), ('wait', 141)])
def test_commands_stop_where_nobody_reads_what_they_say(folder, how, status):
    """As behind `| head`: no command waits for ever for its line to be read, and none trains on unseen."""
    process = experiment(folder, 2, how)
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(60) == status and b'Traceback' not in error and b'Exception' not in error


def _state(pid):
    try:
        with open(f'/proc/{pid}/stat') as stream:
            return stream.read().rsplit(')', 1)[1].split()[0]
    except OSError:
        return 'gone'


def _alive(pid):
    return _state(pid) not in ('Z', 'gone')


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

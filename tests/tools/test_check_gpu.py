"""tools/check_gpu.py: its report, and that nothing that happens to one check keeps the others from theirs."""

import json
import os

import pytest

from dsonas.base import cli
from dsonas.tools import check_gpu
from dsonas.tools.selfcheck import checks, commands, report, running
from dsonas.train.selfcheck.catalogue import CHECKS

CPU = running.Place(('--cpus', '2'), ('--cpus', '1'), 500.0)


def test_the_names_are_those_of_the_checks():
    assert list(checks.LIBRARY) == list(CHECKS) and set(checks.COMMANDS) == set(check_gpu.BY_COMMAND)
    assert set(checks.FAST_MATH) <= set(checks.ALL)


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(check_gpu, 'gpus_seen', lambda: 0)
    assert cli.run(check_gpu.main, []) == 2
    said = capsys.readouterr()
    assert said.out == '' and said.err.count('\n') == 1
    assert said.err.startswith('error: this MXNet sees no GPU') and '--cpu runs the same checks' in said.err


@pytest.mark.parametrize('gpus, devices, one', [((), '0,1,2,3', '0'), ((2, 0), '2,0', '2')])
def test_gpus_are_all_or_those_named(gpus, devices, one, monkeypatch):
    monkeypatch.setattr(check_gpu, 'gpus_seen', lambda: 4)
    place = check_gpu.place(gpus, False, 10.0)
    assert place.on_gpu and place.devices == ('--gpus', devices) and place.one == ('--gpus', one)
    with pytest.raises(ValueError, match='GPUs 0 to 3'):
        check_gpu.place((4,), False, 10.0)


def test_a_table_and_a_line(capsys):
    assert cli.run(check_gpu.main, ['--cpu', '--only', 'finite,device,float16']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [
        ['check', 'status'],
        ['device', 'ok'],
        ['finite', 'ok'],
        ['float16', 'skipped'],
    ]
    assert lines[3].endswith('float16 (train.amp) is on GPUs alone')
    assert lines[-1].startswith('check-gpu: 2 ok, 0 failed, 1 skipped; dsonas ') and '2 CPU devices' in lines[-1]


def test_json(capsys):
    assert cli.run(check_gpu.main, ['--cpu', '--only', 'device', '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    (entry,) = found['checks']
    assert (
        entry['name'] == 'device'
        and entry['status'] == 'ok'
        and entry['figures']
        == {
            'cpu(0)': 'works',
            'cpu(1)': 'works',
        }
    )
    assert entry['what'] == checks.ALL['device'] and found['line'].startswith('check-gpu: 1 ok')
    assert {'processor', 'devices', 'features', 'versions'} <= set(found['machine'])


def test_an_unknown_check_is_refused(capsys):
    assert cli.run(check_gpu.main, ['--cpu', '--only', 'device,speeed']) == 2
    assert "'speeed' is no check" in capsys.readouterr().err


ENDS = {
    'import os; os.abort()': 'ended by SIGABRT',
    'import sys; print("CUDA: out of memory", file=sys.stderr); sys.exit(3)': 'ended with status 3: CUDA: out of memory',
    'print("no result")': 'ended without a result',
    'print("[]")': 'ended without a result',
    'import time; time.sleep(60)': 'took longer than 2 s',
}


@pytest.mark.parametrize('code, words', ENDS.items(), ids=ENDS.values())
def test_however_a_process_ends_the_next_check_runs(code, words, tmp_path, monkeypatch):
    (tmp_path / 'ends.py').write_text(code)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')]))
    monkeypatch.setattr(running, 'MODULE', 'ends')
    first = running.library('operators', running.Place(CPU.devices, CPU.one, 2.0))
    assert first.status == 'failed' and words in first.detail
    monkeypatch.setattr(running, 'MODULE', checks.MODULE)
    assert running.library('device', CPU).status == 'ok'


def test_a_failure_is_the_exit_status_and_in_the_line(monkeypatch, capsys):
    def broken(name, place):
        return running.timed(name, lambda: 1 / 0)

    monkeypatch.setattr(running, 'library', broken)
    monkeypatch.setitem(
        check_gpu.BY_COMMAND, 'run', lambda place: running.Outcome('run', running.OK, 1.0, 'fine', {'a': 0.125})
    )
    assert cli.run(check_gpu.main, ['--cpu', '--only', 'device,run']) == 1
    out = capsys.readouterr().out
    assert 'ZeroDivisionError' in out and '1 ok, 1 failed, 0 skipped (device)' in out and 'fine; a 0.125' in out


PREDICTIONS = [
    ([{'p': [0.5, 0.5]}], None),
    ([{'p': [0.6, 0.4]}], 'differs by 0.1'),
    ([], 'other images'),
]


@pytest.mark.parametrize('found, ends', PREDICTIONS)
def test_predictions_are_compared(found, ends):
    wanted = [{'p': [0.5, 0.5], 'image': 'x.png'}]
    if ends is None:
        assert commands._apart(found, wanted) == 0
        return
    with pytest.raises(running.Fault, match=ends):
        commands._apart(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize('check', [commands.run, commands.processes])
def test_commands_pass_on_the_cpu(check, tmp_path, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path))
    found = check(CPU)
    assert found.status == 'ok' and found.figures, found


def test_a_command_that_fails_is_named(monkeypatch):
    monkeypatch.setitem(commands.TINY, 'data.limit', 'none')
    found = commands.run(CPU)
    assert found.status == 'failed' and found.detail.startswith('train/search.py: ') and 'data.limit' in found.detail


def test_rows_hold_together_whatever_is_in_them():
    outcome = running.Outcome('device', running.FAILED, 1.0, 'a\nb', {'name': 'c\td'})
    assert not set('\n\t') & set(report.row(outcome))

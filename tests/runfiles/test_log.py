"""log.csv: what goes in comes out, the cut for a resumed run, logs of other versions, damage."""

import pathlib

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles import log as module
from dsonas.runfiles.log import COLUMNS, TABLE, Column, Log, read_log

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'
HEADER = ','.join(COLUMNS) + '\n'


def grown(path, epochs=(('pretrain', 1), ('pretrain', 2), ('search', 1), ('search', 2), ('retrain', 1))):
    log = Log(str(path))
    for stage, epoch in epochs:
        log.append({'stage': stage, 'epoch': epoch, 'step': epoch, 'loss': 1 / 3, 'flops': 12345678901, 'seconds': 1.5})
    return log


def test_round_trip(tmp_path):
    path = tmp_path / 'log.csv'
    log = grown(path)
    lines = path.read_text().splitlines()
    assert lines[0] == ','.join(COLUMNS) and len(lines) == 6 and lines[1].startswith('pretrain,1,1,,0.333333333,,')
    assert read_log(str(path)) == log.rows == Log(str(path)).rows
    row = log.rows[0]
    assert row['loss'] == 0.333333333 and row['flops'] == 12345678901 and isinstance(row['flops'], int)
    assert row['error'] is None and sorted(row) == sorted(COLUMNS)
    assert log.seconds('pretrain', 'search') == 6.0
    assert read_log(str(tmp_path / 'none.csv')) == []


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path):
    path = str(tmp_path / 'log.csv')
    grown(path)
    log = Log(path)
    log.cut('search', 1)
    log.append({'stage': 'search', 'epoch': 2, 'step': 2, 'seconds': 2.5})
    rows = [(row['stage'], row['epoch'], row['seconds']) for row in read_log(path)]
    assert rows == [('pretrain', 1, 1.5), ('pretrain', 2, 1.5), ('search', 1, 1.5), ('search', 2, 2.5)]


@pytest.mark.parametrize('name', ['finished', 'stopped'])
def test_rewriting_an_old_log_changes_no_byte(name, tmp_path):
    """Numbers are read and written again at each epoch of a resumed run."""
    old = OLD / '0.1.0' / name / 'log.csv'
    lines = old.read_text().splitlines(True)
    path = tmp_path / 'log.csv'
    path.write_text(''.join(lines[:-1]))
    log = Log(str(path))
    log.append(read_log(str(old))[-1])
    assert path.read_text() == old.read_text()


def test_adding_a_column_takes_a_line(tmp_path, monkeypatch):
    path = str(tmp_path / 'log.csv')
    grown(path)
    table = TABLE + (Column('warmth', 'degrees'),)
    monkeypatch.setattr(module, 'TABLE', table)
    monkeypatch.setattr(module, 'COLUMNS', tuple(column.name for column in table))
    monkeypatch.setattr(module, '_BY_NAME', {column.name: column for column in table})
    log = Log(path)
    log.append({'stage': 'retrain', 'epoch': 2, 'warmth': 1.25})
    assert [row.get('warmth') for row in read_log(path)] == [None] * 5 + [1.25]
    monkeypatch.undo()
    assert read_log(path)[-1]['warmth'] == 1.25, 'a reader takes what is there'
    again = Log(path)
    assert again.columns == (*COLUMNS, 'warmth') and again.rows == read_log(path), 'a column that is not known stays'


def test_every_column_says_what_it_means():
    assert len(set(COLUMNS)) == len(COLUMNS) and all(column.meaning for column in TABLE)


def test_a_row_being_written_is_left_out_and_the_last_row_of_an_epoch_counts(tmp_path):
    path = tmp_path / 'log.csv'
    path.write_text('stage,epoch,loss\nsearch,1,0.5\nsearch,2,0.4\nsearch,2,0.3\nsearch,3,0.')
    expected = [{'stage': 'search', 'epoch': 1, 'loss': 0.5}, {'stage': 'search', 'epoch': 2, 'loss': 0.3}]
    assert read_log(str(path)) == Log(str(path)).rows == expected


@pytest.mark.parametrize(
    'content, message',
    [
        ('', 'damaged: it is empty'),
        ('stage,epo', 'damaged: it is empty'),
        ('a,b\n1,2\n', 'line 1 is no header with the columns stage and epoch'),
        ('stage,epoch,loss\nsearch,9\n', 'line 2 has 2 fields, not 3'),
        ('stage,epoch,loss\nsearch,1,x\n', "line 2, column loss: 'x' is not a number"),
        ('stage,epoch,loss\nsearch,1,1\nsearch,1.5,1\n', "line 3, column epoch: '1.5' is not a whole number"),
        ('stage,epoch,loss\nsearch,,1\n', "line 2, column epoch: '' is not a whole number"),
        ('stage,epoch,loss\nsleep,1,1\n', "line 2, column stage: 'sleep' is not one of pretrain, search, retrain"),
        (HEADER + 'search,1' + ',' * 15 + ',nan\n', "line 2, column seconds: 'nan' is not a number of seconds"),
        (b'\xb4\x00\xff', 'damaged: .*decode'),
    ],
)
def test_damage_is_named_by_reader_and_writer_alike(content, message, tmp_path):
    path = tmp_path / 'log.csv'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for read in (read_log, Log):
        with pytest.raises(UserError, match=f'log.csv: {message}') as info:
            read(str(path))
        assert '\n' not in str(info.value)

"""What a run writes down, and what is dropped when it is resumed from an earlier checkpoint."""
import numpy as np
import pytest

from dsonas.runfiles.gates import GateHistory
from dsonas.runfiles.log import COLUMNS, Log


def test_log_rows_and_cut(tmp_path):
    path = str(tmp_path / 'log.csv')
    log = Log(path)
    for stage, epoch in (('pretrain', 1), ('pretrain', 2), ('search', 1), ('search', 2), ('retrain', 1)):
        log.append({'stage': stage, 'epoch': epoch, 'step': epoch, 'loss': 1 / 3, 'seconds': 1.5})
    with open(path, encoding='utf-8') as stream:
        lines = stream.read().splitlines()
    assert lines[0] == ','.join(COLUMNS) and len(lines) == 6
    assert lines[1].startswith('pretrain,1,1,,0.333333333,,')
    log = Log(path)
    assert log.seconds('pretrain', 'search') == 6.0
    log.cut('search', 1)
    log.append({'stage': 'search', 'epoch': 2, 'step': 2, 'seconds': 1.5})
    rows = [(row['stage'], row['epoch']) for row in Log(path).rows]
    assert rows == [('pretrain', 1), ('pretrain', 2), ('search', 1), ('search', 2)]


def test_foreign_log_is_refused(tmp_path):
    path = tmp_path / 'log.csv'
    path.write_text('a,b\n1,2\n')
    with pytest.raises(ValueError, match='log.csv'):
        Log(str(path))


def test_gate_history_resumes(tmp_path):
    path, names = str(tmp_path / 'lambda.npz'), ['b/x', 'b/y']
    history = GateHistory(path, names)
    for epoch in range(4):
        history.append(epoch, [epoch, 1], [False, epoch > 1])
    history = GateHistory(path, names)
    history.resume(2)
    history.append(3, [9, 1], [True, True])
    with np.load(path) as stored:
        assert stored['names'].tolist() == names and stored['epochs'].tolist() == [0, 1, 2, 3]
        assert stored['values'].dtype == np.float32 and stored['values'][:, 0].tolist() == [0, 1, 2, 9]
        assert stored['pruned'][:, 1].tolist() == [False, False, True, True]
    with pytest.raises(ValueError, match='lambda.npz'):
        GateHistory(path, ['other']).resume(3)
    (tmp_path / 'lambda.npz').write_bytes(b'PK damaged')
    with pytest.raises(ValueError, match='lambda.npz'):
        GateHistory(path, names).resume(3)

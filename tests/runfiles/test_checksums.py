"""checksums.json: what was changed, cut or removed is named; what was written is not, also by a run that is killed in between."""

import os

import pytest

from dsonas.base import files
from dsonas.runfiles import checksums
from dsonas.runfiles.log import Log
from dsonas.runfiles.summary import update_summary


def test_what_is_written_is_as_it_was_written(tmp_path):
    assert checksums.changes(str(tmp_path)) == checksums.changes(str(tmp_path / 'none')) == []
    for number in range(4):
        checksums.write_text(str(tmp_path / 'a.txt'), f'λ {number}')
        checksums.write_json(str(tmp_path / 'b.json'), {'a': number})
        assert checksums.changes(str(tmp_path)) == []
    assert (tmp_path / 'a.txt').read_text(encoding='utf-8') == 'λ 3'


def test_any_flipped_bit_is_named(tmp_path):
    Log(str(tmp_path / 'log.csv')).append({'stage': 'search', 'epoch': 1, 'loss': 0.25})
    update_summary(str(tmp_path / 'summary.json'), seed=3)
    for name in ('log.csv', 'summary.json'):
        content = (tmp_path / name).read_bytes()
        for place in range(len(content)):
            flipped = bytearray(content)
            flipped[place] ^= 1 << place % 8
            (tmp_path / name).write_bytes(flipped)
            assert checksums.changes(str(tmp_path)) == [
                f'{name}: changed since the run wrote it (its checksum does not fit)'
            ]
        (tmp_path / name).write_bytes(content)
    os.remove(str(tmp_path / 'log.csv'))
    assert checksums.changes(str(tmp_path)) == ['log.csv: missing, though the run wrote it']


def test_a_run_killed_between_checksum_and_file_raises_no_alarm(tmp_path, monkeypatch):
    path = str(tmp_path / 'a.txt')
    checksums.write_text(path, 'old')

    def killed(*_):
        raise KeyboardInterrupt

    write = files.write_bytes
    with monkeypatch.context() as patch:
        patch.setattr(files, 'write_bytes', lambda file, text: killed() if file == path else write(file, text))
        for content in ('new', 'new', 'newer', 'newest'):  # and again, when it is resumed
            with pytest.raises(KeyboardInterrupt):
                checksums.write_text(path, content)
    assert (tmp_path / 'a.txt').read_text() == 'old' and checksums.changes(str(tmp_path)) == []
    checksums.write_text(path, 'new')
    assert checksums.changes(str(tmp_path)) == []


@pytest.mark.parametrize('content', [b'', b'{', b'[]', b'{"a.txt": 3}', b'{"../a": ["x"]}', b'{"a.txt": [3]}', b'\xff'])
def test_damaged_checksums_are_named_and_begin_anew(content, tmp_path):
    checksums.write_text(str(tmp_path / 'a.txt'), 'old')
    (tmp_path / checksums.FILE).write_bytes(content)
    (line,) = checksums.changes(str(tmp_path))
    assert line.startswith('checksums.json: ') and line.endswith('; what has changed cannot be told')
    checksums.write_text(str(tmp_path / 'a.txt'), 'new')
    assert checksums.changes(str(tmp_path)) == []

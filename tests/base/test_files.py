"""Files come whole or not at all: what a failing, killed or second writer leaves, and what an error names."""

import os
import subprocess
import sys
import time

import pytest

from dsonas.base import documents, files


def names(folder):
    return sorted(os.listdir(str(folder)))


def test_content_takes_the_place_of_the_old(tmp_path):
    path = str(tmp_path / 'x')
    files.write_bytes(path, b'ab', memoryview(b'c'))
    files.write_text(path, 'ä\n')
    assert (tmp_path / 'x').read_bytes() == 'ä\n'.encode('utf-8') and names(tmp_path) == ['x']
    files.write_json(path, {'b': 1, 'a': [2]}, sort_keys=True)
    assert documents.read_json(path) == {'a': [2], 'b': 1} and (tmp_path / 'x').read_text().endswith('}\n')
    with files.replacing(path, text=True) as stream:
        stream.write('λ')
        assert documents.read_json(path)  # as it was, until the block ends
    assert (tmp_path / 'x').read_text(encoding='utf-8') == 'λ'
    with files.replacement(path) as own:
        with open(own, 'w') as stream:
            stream.write('by name')
    assert (tmp_path / 'x').read_text() == 'by name' and names(tmp_path) == ['x']


@pytest.mark.parametrize('where', ['body', 'fsync', 'replace'])
@pytest.mark.parametrize('context', [files.replacing, files.replacement])
def test_a_write_that_fails_leaves_the_old(context, where, tmp_path, monkeypatch):
    path = str(tmp_path / 'x')
    files.write_text(path, 'old')

    def full(*_):
        raise OSError(28, 'No space left on device')

    if where != 'body':
        monkeypatch.setattr(os, where, full)
    with pytest.raises(OSError) as info:
        with context(path) as given:
            if context is files.replacement:
                open(given, 'w').close()
            if where == 'body':
                full()
    assert info.value.filename == path and info.value.errno == 28
    assert names(tmp_path) == ['x'] and (tmp_path / 'x').read_text() == 'old'


def test_a_library_that_does_not_say_why_it_cannot_write(tmp_path, monkeypatch):
    """MXNet's own error for a full disk names neither the disk nor the file."""
    for full, error in ((True, OSError), (False, RuntimeError)):
        monkeypatch.setattr(files, '_is_full', lambda folder: full)  # noqa: B023
        with pytest.raises(error) as info:
            with files.replacement(str(tmp_path / 'x')):
                raise RuntimeError('Check failed')
        assert not full or (info.value.errno, info.value.filename) == (28, str(tmp_path / 'x'))
    assert names(tmp_path) == []


def test_everything_is_synced_before_and_after_the_rename(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, 'fsync', lambda handle: (done.append(os.path.isdir(f'/proc/self/fd/{handle}')), fsync(handle))
    )
    monkeypatch.setattr(os, 'replace', lambda old, new: (done.append('rename'), replace(old, new)))
    files.write_text(str(tmp_path / 'x'), 'content')
    with files.replacement(str(tmp_path / 'x')) as own:
        open(own, 'w').close()
    assert done == [False, 'rename', True] * 2


def test_a_killed_write_leaves_what_is_recognised(tmp_path):
    path = str(tmp_path / 'x')
    files.write_text(path, 'old')
    code = (
        'import os, sys\nfrom dsonas.base import files\nwith files.replacing(sys.argv[1]) as stream:\n    stream.write(b"half")\n'
        '    stream.flush()\n    os.kill(os.getpid(), 9)'
    )
    assert subprocess.run([sys.executable, '-c', code, path], timeout=60).returncode == -9
    (left,) = [name for name in names(tmp_path) if name != 'x']
    assert (tmp_path / 'x').read_text() == 'old' and left.startswith('x.') and left.endswith(files.SUFFIX)
    files.write_text(path, 'new')
    assert names(tmp_path) == ['x', left]  # it could be another process's
    files.remove_leftovers(str(tmp_path), older_than=60)
    assert names(tmp_path) == ['x', left]
    long_ago = time.time() - 2 * files.OLD
    os.utime(str(tmp_path / left), (long_ago, long_ago))
    os.rename(str(tmp_path / left), str(tmp_path / ('other.' + left.split('.', 1)[1])))
    files.write_text(path, 'new')
    assert len(names(tmp_path)) == 2  # another file's is not its own
    os.rename(str(tmp_path / ('other.' + left.split('.', 1)[1])), str(tmp_path / left))
    files.write_text(path, 'new')
    assert names(tmp_path) == ['x']
    (tmp_path / left).write_text('half')
    files.remove_leftovers(str(tmp_path))
    files.remove_leftovers(str(tmp_path / 'none'))
    assert names(tmp_path) == ['x']


def test_links_devices_folders_and_rights(tmp_path):
    files.write_text(str(tmp_path / 'x'), 'old')
    os.symlink('x', str(tmp_path / 'link'))
    files.write_text(str(tmp_path / 'link'), 'new')
    assert os.path.islink(str(tmp_path / 'link')) and (tmp_path / 'x').read_text() == 'new'
    files.write_text('/dev/null', 'nothing')
    umask = os.umask(0o027)
    try:
        files.write_text(str(tmp_path / 'rights'), '')
    finally:
        os.umask(umask)
    assert os.stat(str(tmp_path / 'rights')).st_mode & 0o777 == 0o640
    for path in (tmp_path, tmp_path / 'no' / 'x'):
        with pytest.raises(OSError) as info:
            files.write_text(str(path), '')
        assert str(path) in str(info.value.filename)


@pytest.mark.parametrize(
    'path, direct',
    [
        ('/dev/null', True),
        ('/dev/stdout', True),
        ('/dev/fd/1', True),
        ('/dev/shm/x', False),
        (os.getcwd(), True),
        ('x', False),
        ('/device/x', False),
    ],
)
def test_what_is_written_to_directly(path, direct):
    assert files._is_special(path) == direct


def test_stdout_that_goes_to_a_file_is_written_to_and_not_replaced(tmp_path):
    code = 'from dsonas.base import files\nprint("before", flush=True)\nfiles.write_text("/dev/stdout", "middle\\n")\nprint("after")'
    with open(str(tmp_path / 'out'), 'ab') as stream:
        subprocess.run([sys.executable, '-c', code], stdout=stream, check=True, timeout=60)
    assert (tmp_path / 'out').read_text().endswith('after\n') and names(tmp_path) == ['out']


def test_an_error_that_names_a_file_keeps_it():
    with pytest.raises(OSError) as info:
        with files.named('x'):
            open('no/such/file')
    assert info.value.filename == 'no/such/file'

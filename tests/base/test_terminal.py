"""Whatever a terminal's encoding, and whatever is printed: it is printed, and a stream that is closed or full ends no command badly."""

import io
import os
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsonas.base import terminal
from dsonas.base.text import escaped

WORDS = 'λ – ✓ ± é 漢 \udcff \ud800 😀 × … “a”'
CODE = f"""
from dsonas.base import cli
def main(words):
    print({ascii(WORDS)})
cli.main(main)
"""


def run(code, encoding=None, stdout=subprocess.PIPE, **variables):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(('LC_', 'LANG', 'PYTHONIO'))
    }
    environment.update(variables, **({'PYTHONIOENCODING': encoding} if encoding else {}))
    words = [sys.executable, '-c', code]
    return subprocess.run(words, stdout=stdout, stderr=subprocess.PIPE, timeout=60, env=environment)


@pytest.mark.parametrize(
    'encoding, printed',
    [
        ('ascii', r'lambda - ok +- e \u6f22 \xff \ud800 \U0001f600 x ... "a"'),
        ('latin-1', 'lambda - ok ± é \\u6f22 \\xff \\ud800 \\U0001f600 × ... "a"'),
        ('utf-8', 'λ – ✓ ± é 漢 \\xff \\ud800 😀 × … “a”'),
        ('cp1252', None),
        ('cp437', None),
        ('utf-16', None),
        (None, None),
    ],
)
def test_every_encoding(encoding, printed):
    done = run(CODE, encoding, **({} if encoding else {'LC_ALL': 'C', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0'}))
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert printed is None or done.stdout.decode(encoding).rstrip() == printed


@given(
    st.text(st.characters(blacklist_categories=())), st.sampled_from(['ascii', 'latin-1', 'cp1252', 'utf-8', 'koi8-r'])
)
@example('\u1680\u2028\ue000\udcff', 'ascii')
def test_any_text_is_written(text, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=terminal.ERRORS, newline='')
    stream.write(text)
    stream.flush()
    written = stream.buffer.getvalue().decode(encoding)
    assert all(character in written for character in text if character.isascii())
    assert escaped(text).isprintable() or any(character.isspace() for character in escaped(text))


def test_a_decoding_error_is_none_of_its_business():
    with pytest.raises(UnicodeDecodeError):
        b'\xff'.decode('ascii', terminal.ERRORS)


SHORT = 'from dsonas.base import cli\ndef main(words):\n    print("x" * {})\ncli.main(main)'
MISTAKE = 'from dsonas.base import cli, errors\ndef main(words):\n    raise errors.UserError("x")\ncli.main(main)'


@pytest.mark.parametrize('words', ['>&-', '2>&-', '>&- 2>&-', '<&- >&- 2>&-'])
@pytest.mark.parametrize('code, status', [(SHORT.format(10), 0), (MISTAKE, 2)])
def test_closed_streams(words, code, status):
    done = subprocess.run(
        ['bash', '-c', f'"$0" -c "$1" {words}', sys.executable, code], timeout=60, stderr=subprocess.PIPE
    )
    assert done.returncode == status and b'Traceback' not in done.stderr and b'Exception' not in done.stderr


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full here')
@pytest.mark.parametrize('size', [10, 10**6])
@pytest.mark.parametrize('unbuffered', ['', '1'])
def test_a_full_device_behind_stdout_is_named(size, unbuffered):
    with open('/dev/full', 'wb') as full:
        done = run(SHORT.format(size), stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2 and done.stderr == b'error: stdout: No space left on device\n'

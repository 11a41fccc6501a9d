"""Print on any terminal: what its encoding lacks is written in other characters, and a stream that is closed takes everything.

λ is written as `lambda`, – as `-`, ✓ as `ok`; letters lose their accents; anything else is written as its escape, such as \\u6f22,
and a byte of a file's name that is no text as \\xff.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import Tuple

from .text import escaped

ERRORS = 'dsonas.transliterate'  # name of the error handler, for `errors=` of a stream

_PLAIN = {
    'λ': 'lambda', 'γ': 'gamma', 'μ': 'mu', 'µ': 'u', 'σ': 'sigma', 'Σ': 'sum', 'Δ': 'delta', '–': '-', '—': '--', '−': '-',
    '‐': '-', '‑': '-', '·': '*', '×': 'x', '±': '+-', '→': '->', '←': '<-', '≤': '<=', '≥': '>=', '≈': '~', '≠': '!=', '∞': 'inf',
    '…': '...', '‘': "'", '’': "'", '“': '"', '”': '"', '✓': 'ok', '✔': 'ok', '✗': 'x', '✘': 'x', '█': '#', '•': '*', '‖': '||',
    'ß': 'ss', 'æ': 'ae', 'Æ': 'AE', 'ø': 'o', 'Ø': 'O', 'ł': 'l', 'Ł': 'L', 'đ': 'd', 'Đ': 'D', '²': '^2', '³': '^3', '°': ' deg',
}  # fmt: skip


def plain(character: str) -> str:
    """Return what stands for a character where only ASCII can be written."""
    if character in _PLAIN:
        return _PLAIN[character]
    base = unicodedata.normalize('NFKD', character).encode('ascii', 'ignore').decode('ascii')
    if base:
        return base
    if unicodedata.category(character) == 'Zs':
        return ' '  # of the many spaces some have no other form
    shown = character if character.isprintable() else escaped(character)
    return shown.encode('ascii', 'backslashreplace').decode('ascii')


def any_terminal() -> None:
    """Have stdout and stderr take every text, whatever their encoding, and also where they are closed."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if stream is None or getattr(stream, 'closed', False):
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))
        elif hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors=ERRORS)


def _transliterated(error: UnicodeError) -> Tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ''.join(map(plain, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _transliterated)

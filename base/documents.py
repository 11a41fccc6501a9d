"""Read JSON and YAML that nobody has checked: bounded in size and depth, finite, plain data, with one kind of error.

What comes out holds None, bool, int, finite float, str, list and dict with keys of text, nothing else, and is at most DEPTH deep. A
UserError names the file and, where it is known, line or key. What the keys mean and accept is checked by whoever reads the document.

Refused are NaN, Infinity, numbers such as 1e400 or with more than DIGITS digits, NUL characters, and a key that stands twice in one
mapping. In YAML, 1:1 and 2020-01-01 are text, 1e-4 is a number, .inf text, and a key the text that is written; tags (!!python/…)
are refused, and aliases that, written out, make more than NODES values.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, List, NoReturn, Optional, Tuple

import yaml

from . import files
from .errors import UserError
from .text import clipped, shown

JSON_BYTES = 64 * 10**6
YAML_BYTES = 200_000
DEPTH = 40  # lists and mappings within each other
NODES = 10_000  # values in YAML, whose reader is slow
DIGITS = 100

_LONGEST = 150  # characters of a parser's reason


def read_json(path: str) -> Any:
    """Read plain data from a JSON file. Raises OSError, UserError naming the file and what is wrong in it."""
    return parse_json(_text(path, JSON_BYTES, 'JSON'), path)


def read_yaml(path: str) -> Any:
    """Read plain data from a YAML file, None from an empty one. Raises OSError, UserError naming the file and what is wrong in it."""
    return parse_yaml(_text(path, YAML_BYTES, 'YAML'), path)


def parse_json(text: str, name: str, finite: bool = True) -> Any:
    """Read plain data from JSON text. name: what errors begin with. finite: refuse NaN and what is infinite. Raises UserError."""
    try:
        content = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except RecursionError:
        raise UserError(f'{name}: {_too_deep()}') from None
    except ValueError as error:
        raise UserError(f'{name}: not JSON: {_reason(error)}') from None
    _check_plain(content, name, finite)
    return content


def parse_yaml(text: str, name: str) -> Any:
    """Read plain data from YAML text, None from an empty one. name: what errors begin with. Raises UserError."""
    if len(text) > YAML_BYTES:
        raise UserError(f'{name}: more than {YAML_BYTES} characters; accepted are smaller files')
    try:
        node = _Composer(text).get_single_node()
        content = None if node is None else _plain(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f' (line {mark.line + 1})' if mark else ''
        raise UserError(f'{name}: not YAML{line}: {_reason(error.problem or error.context)}') from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: of escapes, directives and numbers
        raise UserError(f'{name}: not YAML: {_reason(error)}') from None
    _check_plain(content, name)
    return content


def _text(path: str, largest: int, kind: str) -> str:
    try:
        return files.read_bytes(path, largest).decode('utf-8-sig')
    except UnicodeDecodeError:
        raise UserError(f'{path}: not {kind}: not UTF-8') from None


def _reason(error: object) -> str:
    return clipped(' '.join(str(error).split()), _LONGEST)


def _too_deep() -> str:
    return f'nested too deep; accepted are {DEPTH} lists and mappings within each other'


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f'the key {shown(key)} stands twice in one object')
            seen.add(key)
    return content


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f'a number of more than {DIGITS} digits')
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'{shown(text)} is not a finite number')
    return value


def _check_plain(content: Any, name: str, finite: bool = True) -> None:
    """Refuse what is nested too deep, numbers that are not finite, and NUL, which no path may hold."""
    level, depth = [('', content)], 0  # (the last key above it, value)
    while level:
        deeper: List[Tuple[str, Any]] = []
        for key, value in level:
            if isinstance(value, dict):
                deeper += value.items()
                deeper += [(inner, inner) for inner in value if '\0' in inner]
            elif isinstance(value, list):
                deeper += [(key, entry) for entry in value]
            elif isinstance(value, str) and '\0' in value:
                raise UserError(f'{name}: the text {shown(value)} holds a NUL character')
            elif finite and isinstance(value, float) and not math.isfinite(value):
                raise UserError(f'{name}: {shown(key)} is {value}; accepted are finite numbers')
        depth += 1
        if depth > DEPTH + 1:
            raise UserError(f'{name}: {_too_deep()}')
        level = deeper


class _Composer(yaml.SafeLoader):
    """Makes nodes, and counts them: how deep they are, and how many there are with aliases written out."""

    yaml_implicit_resolvers: Dict[str, List[Tuple[str, Any]]] = {}  # what a scalar is, `_scalar` says

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth, self._nodes = 0, 0
        self._counts: Dict[int, int] = {}  # of each complete node, by id

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._counts:
                _refuse(f'{shown(event.anchor)} holds itself', event)
            self._nodes += self._counts[id(node)]
        else:
            if event.tag is not None:
                _refuse(f'the tag {shown(event.tag)}; accepted are values without tags', event)
            if self._depth > DEPTH:
                _refuse(_too_deep(), event)
            before = self._nodes
            self._depth += 1
            node = super().compose_node(parent, index)
            self._depth -= 1
            self._nodes += 1
            self._counts[id(node)] = self._nodes - before
        if self._nodes > NODES:
            _refuse(f'more than {NODES} values', event)
        return node


def _refuse(problem: str, at: Any) -> NoReturn:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


def _plain(node: Any) -> Any:
    """The plain data that a node stands for."""
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry) for entry in node.value]
    merged: Dict[str, Any] = {}
    own: Dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _refuse('a key that is no text', key)
        if key.value == '<<' and not key.style:
            merged = {**_merged(value), **merged}
        elif key.value in own:
            _refuse(f'the key {shown(key.value)} stands twice', key)
        else:
            own[key.value] = _plain(value)
    return {**merged, **own}


def _merged(node: Any) -> Dict[str, Any]:
    """What `<<` brings: one mapping, or several of which the first wins."""
    merged: Dict[str, Any] = {}
    for entry in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if not isinstance(entry, yaml.MappingNode):
            _refuse('<< takes a mapping or a list of mappings', entry)
        merged = {**_plain(entry), **merged}
    return merged


def _scalar(node: Any) -> Any:
    """The value of a scalar without quotes."""
    text: str = node.value
    if text in _NAMED:
        return _NAMED[text]
    try:
        return _whole(text) if _WHOLE.fullmatch(text) else _finite(text) if _NUMBER.fullmatch(text) else text
    except ValueError as error:
        _refuse(str(error), node)


_WORDS = {'yes': True, 'no': False, 'true': True, 'false': False, 'on': True, 'off': False, 'null': None}
_NAMED: Dict[str, Optional[bool]] = {'': None, '~': None}
_NAMED.update((form(word), value) for word, value in _WORDS.items() for form in (str.lower, str.upper, str.title))
_WHOLE = re.compile(r'[-+]?[0-9]+')
_NUMBER = re.compile(r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?')

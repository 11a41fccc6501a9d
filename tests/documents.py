"""What the documents hold (code blocks, commands, links, words in backticks), and whether a command is one that the project takes."""

import argparse
import dataclasses
import importlib
import pathlib
import re
import shlex
import subprocess
from typing import Tuple
from unittest import mock

from dsonas import commands
from dsonas.base.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md')),
        *(ROOT / 'docs').glob('*.md'),
    ]
)
# What a user reads, in the order of a user's day: the commands of these are run.
MANUAL = [ROOT / 'README.md'] + [
    ROOT / 'docs' / f'{name}.md'
    for name in ('guide', 'configuration', 'runs', 'machines', 'gpu', 'recipes', 'results', 'troubleshooting')
]
PROGRAMS = ('python', 'dsonas', 'bash', 'make', 'pip', 'tensorboard')
SHELL = PROGRAMS + ('export', '.', 'source', 'cd', 'mkdir', 'git')


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block. language: what a fence names, '' for an indented block; line: its first, counted from 1."""

    document: pathlib.Path
    line: int
    language: str
    lines: Tuple[str, ...]

    @property
    def name(self):
        return '%s:%d' % (self.document.name, self.line)

    @property
    def text(self):
        return '\n'.join(self.lines) + '\n'

    @property
    def path(self):
        """The file that the block is said to be, by a first line such as '# data/arrays.py', or None."""
        found = re.match(r'# ([\w/]+\.py)$', self.lines[0])
        return found.group(1) if found else None


def blocks(document):
    """Every fenced or indented code block of a Markdown file."""
    found, lines = [], document.read_text(encoding='utf-8').split('\n')
    at = 0
    while at < len(lines):
        fence = re.match(r'```(\w*)\s*$', lines[at])
        start = at
        if fence:
            at = lines.index('```', start + 1)
            found.append(Block(document, start + 2, fence.group(1), tuple(lines[start + 1 : at])))
        elif lines[at].startswith('    ') and (at == 0 or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith('    ') or not lines[at].strip()):
                at += 1
            inside = [line[4:] for line in lines[start:at]]
            while not inside[-1].strip():
                inside.pop()
            found.append(Block(document, start + 1, '', tuple(inside)))
            continue
        at += 1
    return found


def python_blocks(documents=DOCUMENTS):
    return [block for document in documents for block in blocks(document) if block.language == 'python']


def shell_lines(documents=DOCUMENTS):
    """[(name, line without its comment)] of every block that holds commands, continued lines joined."""
    found = []
    for block in (block for document in documents for block in blocks(document)):
        words = [line.split()[0] for line in block.lines if line.strip()]
        if block.language not in ('', 'bash', 'sh') or not set(words) & set(PROGRAMS):
            continue
        text = re.sub(r'\\\n\s*', ' ', block.text)
        lines = [re.sub(r'(^|\s+)# .*$', '', line).strip() for line in text.split('\n')]
        found += [('%s: %s' % (block.name, line), line) for line in lines if line]
    return found


def links(document):
    """Targets of the links of a document, those inside code left out."""
    text = re.sub(r'```.*?```|`[^`]*`', '', document.read_text(encoding='utf-8'), flags=re.S)
    return re.findall(r'\]\(([^)\s]+)\)', text)


def spans(document):
    """What stands in single backticks."""
    text = re.sub(r'```.*?\n```', '', document.read_text(encoding='utf-8'), flags=re.S)
    return re.findall(r'`([^`\n]+)`', text)


class _Parsed(Exception):
    pass


def parsed(script, words):
    """The Namespace that a script of the project makes of a command line; AssertionError where it refuses it."""
    module = importlib.import_module('dsonas.' + script[:-3].replace('/', '.'))
    original = argparse.ArgumentParser.parse_args

    def stop(parser, arguments=None, namespace=None):
        raise _Parsed(original(parser, arguments, namespace))

    with mock.patch.object(argparse.ArgumentParser, 'parse_args', stop), mock.patch('dsonas.base.plugins.load', _named):
        try:
            module.main(list(words))
        except _Parsed as done:
            return done.args[0]
        except (SystemExit, UserError) as error:
            if getattr(error, 'code', 2):
                raise AssertionError('%s refuses %s' % (script, ' '.join(words))) from None
    return argparse.Namespace()


def _named(modules, *_, **__):
    """Instead of importing plugins, which an example only names."""
    return tuple(modules)


def check_command(line):
    """AssertionError unless a line of shell is syntax, and what it runs is there and takes these words.

    An ellipsis stands for further words. Settings are resolved as the entry point would: presets, files of settings, keys, values.
    """
    assert subprocess.run(['bash', '-n', '-c', line]).returncode == 0, 'bash: %s' % line
    words = [word for word in shlex.split(line) if word != '…']
    while words and re.match(r'[A-Z_0-9]+=', words[0]):
        words = words[1:]
    assert words and words[0] in SHELL, 'what is run is one of %s: %s' % (', '.join(SHELL), line)
    if words[0] == 'python' and words[1] != '-m':
        _check_script(words[1:])
    elif words[0] == 'dsonas':
        _check_console(words[1:])
    elif words[0] == 'bash':
        assert (ROOT / words[1]).is_file(), '%s: no such script' % words[1]
    elif words[0] == 'make':
        makefile = (ROOT / 'Makefile').read_text()
        for word in words[1:]:
            name, equals, _ = word.partition('=')
            assert re.search(r'^%s\s*\??=' % name if equals else r'^%s:' % name, makefile, re.M), (
                'make does not know %s' % word
            )
    elif words[0] == 'pip':
        project = (ROOT / 'pyproject.toml').read_text()
        for extras in re.findall(r'\[([\w,]+)\]', line):
            assert all(re.search(r'^%s = \[' % extra, project, re.M) for extra in extras.split(',')), (
                'there is no extra of %s' % extras
            )


def _check_console(words):
    if words[0] not in ('--help', '--version', 'COMMAND'):
        assert words[0] in commands.COMMANDS, 'dsonas knows no command %s' % words[0]
        _check_script([commands.COMMANDS[words[0]].replace('.', '/') + '.py'] + words[1:])


def _check_script(words):
    script = words[0]
    assert (ROOT / script).is_file(), '%s: no such script' % script
    given = parsed(script, words[1:])
    if '--' in words:  # a command for each worker
        check_command(' '.join(shlex.quote(word) for word in words[words.index('--') + 1 :]))
    if script in ('train/search.py', 'train/retrain.py') and hasattr(given, 'set'):
        from dsonas.train.config import flags as cli
        from dsonas.train.config import settings

        config = ROOT / given.config if given.config else None
        if config is None or config.is_file():
            with mock.patch('dsonas.base.plugins.load', _named):
                settings.resolve(given.preset, config and str(config), given.set, cli.flags(given))

"""The console command `dsonas`: the scripts of train/ and tools/ as its sub-commands.

    dsonas search --preset quickstart --run runs/mine       = python train/search.py --preset quickstart --run runs/mine

A new script is one entry in GROUPS. Nothing here imports MXNet, so that `dsonas --help` is quick and works without it.
"""

import ast
import difflib
import os
import runpy
import shutil
import sys
import textwrap
from typing import Dict, Optional, Sequence

from . import __version__
from .installed import MISTAKE

HERE = os.path.dirname(os.path.abspath(__file__))
# (heading, folder, scripts); a command's name is its script's with - for _, or that in RENAMED
GROUPS = (
    ('search and train', 'train', ('search', 'retrain', 'evaluate')),
    ('use a trained network', 'tools', ('predict', 'export')),
    (
        'look at runs',
        'tools',
        ('report', 'plot_blocks', 'plot_search', 'plot_flops', 'count_cost', 'make_tables', 'compare'),
    ),
    ('repeat the paper', 'tools', ('run_experiment',)),
    ('prepare data', 'tools', ('prepare_cifar10', 'prepare_imagenet')),
    ('several machines', 'tools', ('launch',)),
    ('measure speed', 'tools', ('bench_step', 'bench_shrink', 'bench_data', 'bench_latency')),
)
RENAMED = {'make_tables': 'tables'}


def command_name(script: str) -> str:
    """Return the name of the sub-command that runs a script, such as 'plot-blocks' for 'plot_blocks'."""
    return RENAMED.get(script, script.replace('_', '-'))


# {command: module within the package}
COMMANDS: Dict[str, str] = {
    command_name(script): f'{folder}.{script}' for _, folder, scripts in GROUPS for script in scripts
}


def summary(module: str) -> str:
    """Return the first line of a script's docstring, read without importing the script. module: such as 'train.search'."""
    with open(os.path.join(HERE, *module.split('.')) + '.py', encoding='utf-8') as file:
        docstring = ast.get_docstring(ast.parse(file.read())) or ''
    return docstring.split('\n')[0]


def help_text(width: int = 100) -> str:
    """Return what `dsonas --help` prints: every command with the first line of its script's docstring, in lines of `width`."""
    column = 4 + max(len(name) for name in COMMANDS)
    lines = [
        'usage: dsonas COMMAND ...',
        '       dsonas COMMAND --help',
        '       dsonas --version',
        '',
        'Search a network architecture by direct sparse optimization, train it, and use it.',
    ]
    for heading, folder, scripts in GROUPS:
        lines += ['', f'{heading}:']
        for script in scripts:
            name = command_name(script)
            lines += textwrap.wrap(
                summary(f'{folder}.{script}'),
                width,
                initial_indent=f'  {name}'.ljust(column),
                subsequent_indent=' ' * column,
            )
    return '\n'.join(lines)


def run(command: str, words: Sequence[str]) -> Optional[int]:
    """Run a command's script as Python runs a file, with `words` behind its name; returns where the script does not exit itself.

    Returns 2 where MXNet is missing, which is then said in one line.
    """
    sys.argv = [f'dsonas {command}', *words]
    try:
        runpy.run_module(f'{__package__}.{COMMANDS[command]}', run_name='__main__')
    except ModuleNotFoundError as error:
        if error.name != 'mxnet':
            raise
        return _mistake(str(error))
    return 0


def main(words: Optional[Sequence[str]] = None) -> Optional[int]:
    """Run `dsonas` with `words`, by default those of the command line. Returns the exit status, if the script does not exit itself."""
    words = sys.argv[1:] if words is None else list(words)
    width = max(60, shutil.get_terminal_size().columns - 1)
    if not words:
        print(help_text(width), file=sys.stderr)
        return MISTAKE
    if words[0] in ('-h', '--help'):
        print(help_text(width))
        return 0
    if words[0] == '--version':
        print(f'dsonas {__version__}')
        return 0
    if words[0] in COMMANDS:
        return run(words[0], words[1:])
    near = difflib.get_close_matches(words[0], COMMANDS, 1)
    meant = f'did you mean {near[0]}? ' if near else ''
    return _mistake(f'{words[0]}: no such command; {meant}accepted are {", ".join(COMMANDS)}')


def _mistake(text: str) -> int:
    print(f'error: {text}', file=sys.stderr)
    return MISTAKE

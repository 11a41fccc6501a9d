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
from .base import cli
from .base.errors import UserError

HERE = os.path.dirname(os.path.abspath(__file__))
# (heading, folder, scripts); a command's name is its script's with - for _, or that in RENAMED
GROUPS = (
    ('search and train', 'train', ('fit', 'search', 'retrain', 'evaluate')),
    ('use a trained network', 'tools', ('predict', 'export')),
    (
        'look at runs',
        'tools',
        (
            'report',
            'plot_blocks',
            'plot_search',
            'plot_flops',
            'count_cost',
            'make_tables',
            'compare',
            'consensus',
            'rank_edges',
        ),
    ),
    ('repeat the paper', 'tools', ('run_experiment',)),
    ('prepare data', 'tools', ('prepare_cifar10', 'prepare_imagenet')),
    ('several machines', 'tools', ('launch',)),
    ('check a machine', 'tools', ('check_gpu',)),
    ('measure speed', 'tools', ('bench_step', 'bench_retrain', 'bench_shrink', 'bench_data', 'bench_latency')),
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


def run_script(command: str, words: Sequence[str]) -> None:
    """Run a command's script as Python runs a file, with `words` behind its name.

    Raises SystemExit where the script ends by itself, UserError where MXNet is missing.
    """
    sys.argv = [f'dsonas {command}', *words]
    try:
        runpy.run_module(f'{__package__}.{COMMANDS[command]}', run_name='__main__')
    except ModuleNotFoundError as error:
        if error.name != 'mxnet':
            raise
        raise UserError(str(error)) from None


def dispatch(words: Sequence[str]) -> Optional[int]:
    """Do what `words` ask for. Returns the exit status, None for 0. Raises UserError for a command that does not exist."""
    width = max(60, shutil.get_terminal_size().columns - 1)
    if not words:
        print(help_text(width), file=sys.stderr)
        return cli.MISTAKE
    if words[0] in ('-h', '--help'):
        print(help_text(width), flush=True)
    elif words[0] == '--version':
        print(f'dsonas {__version__}')
    elif words[0] in COMMANDS:
        run_script(words[0], words[1:])
    else:
        near = difflib.get_close_matches(words[0], COMMANDS, 1)
        meant = f'did you mean {near[0]}? ' if near else ''
        raise UserError(f'{words[0]}: no such command; {meant}dsonas --help lists them')
    return None


def main(words: Optional[Sequence[str]] = None) -> int:
    """Run `dsonas` with `words`, by default those of the command line, and return its exit status."""
    return cli.run(dispatch, words)

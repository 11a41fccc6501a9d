"""The arrows between the folders, and what every file of the package promises."""

import ast
import pathlib
import re
import sys

import pytest

from dsonas.train.config import settings

from .conftest import SLOW

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ('base', 'symbols', 'optim', 'data', 'runfiles', 'train', 'tools')
MAY_IMPORT = {
    'base': {'base'},
    'symbols': {'base', 'symbols'},
    'optim': {'base', 'optim'},
    'data': {'base', 'data'},
    'runfiles': {'base', 'symbols', 'runfiles'},
    'train': {'base', 'train', 'symbols', 'optim', 'data', 'runfiles'},
    'tools': {'base', 'tools', 'symbols', 'data', 'optim', 'runfiles'},
}
# The one room above both: from data to a model, through the stages and through what tools make of their runs.
ABOVE = 'train/fitting'
SCRIPTS = sorted(path.stem for path in (ROOT / 'tools').glob('*.py') if path.stem != '__init__')
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob('**/*.py'))
# Read by tools and by people without MXNet.
PLAIN = (
    'nodes',
    'space',
    'edge_names',
    'architecture',
    'cost',
    'memory',
    'budget',
    'multiples',
    'operations',
    'sampling',
    'kinds',
    'describing',
)


def imported(path):
    """(dotted name within the package, or of the module outside it; line) of everything that a file imports."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _inside(alias.name), node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) + 1 - node.level] + tuple(filter(None, [node.module]))
            else:
                base = tuple(filter(None, [_inside(node.module)]))
            for alias in node.names:
                yield '.'.join(base + (alias.name,)), node.lineno


def _inside(name):
    return name[len('dsonas.') :] if name.startswith('dsonas.') else '' if name == 'dsonas' else name


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows(path):
    folder = path.relative_to(ROOT).parts[0]
    accepted = MAY_IMPORT[folder] | ({'tools'} if path.parent == ROOT / ABOVE else set())
    wrong = [
        (name, line)
        for name, line in imported(path)
        if name.split('.')[0] in FOLDERS + ('tests',) and name.split('.')[0] not in accepted
    ]
    assert not wrong, '%s may import %s' % (folder, ', '.join(sorted(accepted)))


@pytest.mark.parametrize('path', sorted((ROOT / 'train').glob('**/*.py')), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_room_above_is_used_by_its_script_alone_and_uses_no_script(path):
    room, scripts = ABOVE.replace('/', '.'), {f'tools.{name}' for name in SCRIPTS}
    names = [name for name, _ in imported(path)]
    if path.parent != ROOT / ABOVE and path.name != 'fit.py':
        assert not [name for name in names if name.startswith(room)]
    assert not [name for name in names if '.'.join(name.split('.')[:2]) in scripts]


def test_every_kind_of_import_is_seen(tmp_path, monkeypatch):
    """What the arrows rest on: an import is found however it is written, at any depth of folders."""
    monkeypatch.setitem(globals(), 'ROOT', tmp_path)
    path = tmp_path / 'tools' / 'drawing' / 'some.py'
    path.parent.mkdir(parents=True)
    path.write_text(
        'import dsonas.train.loop\nfrom dsonas import optim\nfrom dsonas.data import registry\n'
        'from ...symbols.space import INPUT\nfrom ... import train\n'
        'from ..reading import runs\nfrom .. import predict\nfrom . import palette\nimport numpy as np\n'
    )
    assert ' '.join(name for name, _ in imported(path)) == (
        'train.loop optim data.registry symbols.space.INPUT train tools.reading.runs tools.predict tools.drawing.palette numpy'
    )


@pytest.mark.skipif(not hasattr(sys, 'stdlib_module_names'), reason='this Python has no list of its modules')
@pytest.mark.parametrize('folder', ['train', 'tools'])
def test_no_file_beside_a_script_hides_a_module_of_python(folder):
    """Python looks for modules beside the script that it runs first."""
    assert not {path.stem for path in (ROOT / folder).glob('*.py')} & set(sys.stdlib_module_names)


SHARED = sorted(path for path in (ROOT / 'tools').glob('*/*.py'))


@pytest.mark.parametrize('path', SHARED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_scripts_share_does_not_need_a_script(path):
    """The folders of tools/ hold what its scripts share, so they import each other and never a script; drawings know no run."""
    folders = {other.parent.name for other in SHARED}
    if path.parent.name == 'drawing':
        folders -= {'reading'}
    wrong = [
        (name, line) for name, line in imported(path) if name.startswith('tools.') and name.split('.')[1] not in folders
    ]
    assert not wrong, 'accepted: %s' % ', '.join(sorted(folders))


@pytest.mark.parametrize('name', SCRIPTS)
def test_what_lies_in_tools_is_a_script_and_named_in_its_table(name):
    assert "if __name__ == '__main__':" in (ROOT / 'tools' / (name + '.py')).read_text(), (
        'what scripts share belongs in a folder of tools/'
    )
    table = ast.get_docstring(ast.parse((ROOT / 'tools' / '__init__.py').read_text()))
    assert name in table or (name.startswith('bench_') and 'bench_*' in table), (
        'tools/__init__.py does not name %s' % name
    )


@pytest.mark.parametrize('name', SCRIPTS)
def test_no_script_imports_another(name):
    path = ROOT / 'tools' / (name + '.py')
    assert not [other for other, _ in imported(path) if other.startswith('tools.') and other.split('.')[1] in SCRIPTS]


@pytest.mark.parametrize('path', sorted((ROOT / 'base').glob('*.py')), ids=lambda path: path.stem)
def test_the_ground_floor_needs_no_mxnet(path):
    assert not [name for name, _ in imported(path) if name.split('.')[0] == 'mxnet']


@pytest.mark.parametrize('name', PLAIN)
def test_plain_data_needs_no_mxnet(name):
    tree = ast.parse((ROOT / 'symbols' / (name + '.py')).read_text())
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or '' for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module.split('.')[0] == 'mxnet']


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize('file, functions', SLOW, ids=lambda value: value if isinstance(value, str) else '')
def test_the_list_of_slow_tests_names_tests_that_exist(file, functions):
    text = ''.join(path.read_text(encoding='utf-8') for path in (ROOT / 'tests').rglob(file))
    assert text and all(f'def {name}(' in text for name in functions)


LINES, FUNCTION_LINES = 280, 60  # of a file; of a function behind its docstring


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if len(node.body) > 1 and ast.get_docstring(node) else node.body[0]
            assert node.end_lineno - first.lineno < FUNCTION_LINES, node.name


def at_import(path):
    """Modules of the package that a file imports when it is imported itself: not within functions, nor for type checkers."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    package = path.relative_to(ROOT).parts[:-1]
    for node in tree.body:
        names = [_inside(alias.name) for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            parts = package[: len(package) + 1 - node.level] if node.level else ()
            base = '.'.join(
                parts + tuple(filter(None, [_inside(node.module or '') if not node.level else node.module]))
            )
            names = [f'{base}.{alias.name}' for alias in node.names] + [base]
        yield from names


def module(path):
    """Dotted name within the package."""
    name = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    return name[: -len('.__init__')] if name.endswith('.__init__') else name


def test_no_circle():
    """Importing goes one way: modules can be sorted so that each needs only those before it."""
    modules = {module(path) for path in FILES}
    needs = {module(path): {name for name in at_import(path) if name in modules} - {module(path)} for path in FILES}
    assert sum(map(len, needs.values())) > 200, 'imports are not seen'
    while needs:
        free = {name for name, wanted in needs.items() if not wanted & set(needs)}
        assert free, f'a circle among {sorted(needs)}'
        needs = {name: wanted for name, wanted in needs.items() if name not in free}


LOWER = [path for path in FILES if path.relative_to(ROOT).parts[0] not in ('train', 'tools')]
FOREIGN = {
    'base/cli.py': ('--help',),
    'base/__init__.py': ('--help',),
    'base/errors.py': ('--keep',),  # argparse; an example
    'symbols/latency.py': ('--query-gpu', '--format'),
    'runfiles/environment.py': ('--always', '--dirty', '--abbrev', '--exclude'),
    'runfiles/network.py': ('--random', '--full', '--gluoncv'),  # nvidia-smi; git; command lines of old runs
    'data/records/recordio.py': ('--pack-label',),
}  # MXNet's im2rec


# Their errors give the command that prepares records, with the folders that were found.
REMEDIES = ('data/records/store.py', 'data/sources/imagenet.py')


@pytest.mark.parametrize('path', LOWER, ids=lambda path: str(path.relative_to(ROOT)))
def test_lower_rooms_name_no_flag_key_or_script_of_upper_rooms(path):
    """A lower room does not know how it is called; the upper room adds how a mistake is mended."""
    text = path.read_text()
    own = set(re.findall(r"'(--[a-z][a-z-]*)'", text)) if 'add_argument' in text else set()
    flags = set(re.findall(r'(?<![\w-])--[a-z][a-z-]*', text)) - own - set(FOREIGN.get(str(path.relative_to(ROOT)), ()))
    keys = [name for name in settings.KEYS if name.split('.')[0] in ('pretrain', 'search', 'retrain', 'train')]
    named = {name for name in keys if re.search(r'\b%s\b' % re.escape(name), text)}
    if path.name != 'config.py' or path.parent.name != 'runfiles':  # which shows what a config.yaml looks like
        assert not named
    if str(path.relative_to(ROOT)) not in REMEDIES:
        assert not flags and not re.findall(r'\b(?:train|tools)/\w+\.py', text)


def test_every_module_has_a_test():
    """A file test_<module>.py, or a line of tests/README.md that names the module or its folder."""
    table = (ROOT / 'tests' / 'README.md').read_text()
    files = {path.stem for path in (ROOT / 'tests').glob('**/test_*.py')}
    for path in FILES:
        relative = path.relative_to(ROOT)
        named = [f'{parent}/`' for parent in relative.parents] + [f'`{relative}`', f'`{path.name}`']
        if path.stem != '__init__' and f'test_{path.stem}' not in files:
            assert any(name in table for name in named), (
                f'{relative}: no test file, and tests/README.md does not say which tests it'
            )

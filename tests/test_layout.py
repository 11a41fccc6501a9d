"""The arrows between the folders, and what every file of the package promises."""

import ast
import pathlib
import sys

import pytest

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
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob('**/*.py'))
# Read by tools and by people without MXNet.
PLAIN = ('nodes', 'space', 'edge_names', 'architecture', 'cost', 'budget', 'operations', 'sampling', 'kinds')


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
    wrong = [
        (name, line)
        for name, line in imported(path)
        if name.split('.')[0] in FOLDERS + ('tests',) and name.split('.')[0] not in MAY_IMPORT[folder]
    ]
    assert not wrong, '%s may import %s' % (folder, ', '.join(sorted(MAY_IMPORT[folder])))


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


SCRIPTS = sorted(path.stem for path in (ROOT / 'tools').glob('*.py') if path.stem != '__init__')


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

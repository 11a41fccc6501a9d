"""The arrows between the folders, and what every file of the package promises."""
import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ('symbols', 'optim', 'data', 'train', 'tools')
MAY_IMPORT = {
    'symbols': {'symbols'},
    'optim': {'optim'},
    'data': {'data'},
    'train': {'train', 'symbols', 'optim', 'data'},
    'tools': {'tools', 'symbols', 'data', 'optim'},
}
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob('**/*.py'))
PLAIN = ('space', 'architecture', 'cost', 'budget', 'operations')  # read by tools and by people without MXNet


def imported(path):
    """(folder of the package or name of the module) of every import of a file, with its line."""
    folder = path.relative_to(ROOT).parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _top(alias.name), node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level == 1:
                yield folder, node.lineno
            elif node.level == 2:
                for name in [node.module] if node.module else [alias.name for alias in node.names]:
                    yield name.split('.')[0], node.lineno
            elif node.module == 'dsonas':
                for alias in node.names:
                    yield alias.name, node.lineno
            else:
                yield _top(node.module), node.lineno


def _top(name):
    parts = name.split('.')
    return parts[1] if parts[0] == 'dsonas' and len(parts) > 1 else parts[0]


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows(path):
    folder = path.relative_to(ROOT).parts[0]
    wrong = [(name, line) for name, line in imported(path) if name in FOLDERS + ('tests',) and name not in MAY_IMPORT[folder]]
    assert not wrong, '%s may import %s' % (folder, ', '.join(sorted(MAY_IMPORT[folder])))


@pytest.mark.parametrize('name', PLAIN)
def test_plain_data_needs_no_mxnet(name):
    tree = ast.parse((ROOT / 'symbols' / (name + '.py')).read_text())
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or '' for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module.split('.')[0] == 'mxnet']


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_published_version_is_one():
    version = ast.literal_eval((ROOT / '__init__.py').read_text().split('__version__ = ')[1].split('\n')[0])
    assert "version='%s'" % version in (ROOT / 'setup.py').read_text()
    assert '## %s' % version in (ROOT / 'CHANGELOG.md').read_text()

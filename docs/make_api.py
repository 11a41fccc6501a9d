"""Write the API reference from the docstrings, as HTML: python docs/make_api.py build/api."""

import importlib
import pathlib
import pkgutil
import re
import sys
import types
import warnings
from typing import List

import pdoc
import pdoc.doc
import pdoc.docstrings
import pdoc.extract
import pdoc.render

import dsonas

# What is no module to import, and what needs PyTorch.
LEFT_OUT = ('!dsonas.setup', '!dsonas.tests', r'!dsonas\.tools\.timing\.torch_.*')


def module_docstring(module: pdoc.doc.Module) -> str:
    """Return a module's docstring as it stands in the file.

    pdoc removes the indentation that all lines but the first have in common, which in a module is that of an indented
    block: a table or commands.
    """
    return (module.obj.__doc__ or '').strip()


def listed(docstring: str) -> str:
    """Return a docstring whose lines 'name: what it is' are a list, each an entry of its own."""
    lines: List[str] = []
    inside = False
    for line in docstring.splitlines():
        entry = re.match(r'(\w+(?:, \w+)*): (?=\S)', line)
        if entry and not inside and lines and lines[-1]:
            lines.append('')
        lines.append(f'- `{entry.group(1)}`: {line[entry.end() :]}' if entry else line)
        inside = bool(entry) or (inside and bool(line))
    return '\n'.join(lines)


def with_modules(package: types.ModuleType = dsonas) -> None:
    """Have pdoc show the modules of packages that have an __all__ without them, and the classes that dsonas imports when first used."""
    below = [module for module in pkgutil.iter_modules(package.__path__) if module.name not in ('setup', 'tests')]
    if hasattr(package, '__all__'):
        for name in package.__all__:
            setattr(package, name, getattr(package, name))
        package.__all__ += [module.name for module in below if module.name not in package.__all__]
    for module in below:
        if module.ispkg:
            with_modules(importlib.import_module(f'{package.__name__}.{module.name}'))


def modules() -> List[str]:
    """Return the names of the modules that get a page."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return list(pdoc.extract.walk_specs(['dsonas', *LEFT_OUT]))


def main(folder: str) -> None:
    """Write the pages into `folder`, index.html first."""
    pdoc.doc.Module.docstring = property(module_docstring)
    convert = pdoc.docstrings.convert
    pdoc.docstrings.convert = lambda text, *given: convert(listed(text), *given)
    pdoc.render.configure(docformat='numpy', footer_text=f'dsonas {dsonas.__version__}')
    with_modules()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pdoc tries what is left out, too, and says that it could not
        pdoc.pdoc('dsonas', *LEFT_OUT, output_directory=pathlib.Path(folder))
    print(f'{folder}/index.html written')


if __name__ == '__main__':
    main(*sys.argv[1:])

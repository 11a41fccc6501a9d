"""Write the API reference from the docstrings, as HTML: python docs/make_api.py build/api."""

import pathlib
import sys
import warnings

import pdoc
import pdoc.doc
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


def main(folder: str) -> None:
    """Write the pages into `folder`, index.html first."""
    pdoc.doc.Module.docstring = property(module_docstring)
    pdoc.render.configure(docformat='numpy', footer_text=f'dsonas {dsonas.__version__}')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pdoc tries what is left out, too, and says that it could not
        pdoc.pdoc('dsonas', *LEFT_OUT, output_directory=pathlib.Path(folder))
    print(f'{folder}/index.html written')


if __name__ == '__main__':
    main(*sys.argv[1:])

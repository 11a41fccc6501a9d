"""The examples run as they stand, and the notebook lies there without outputs."""

import importlib.util
import json
import pathlib

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / 'examples'
NOTEBOOK = EXAMPLES / 'quickstart.ipynb'
TINY = {
    'data.image_size': 8,
    'data.limit': 120,
    'space.channels': 4,
    'space.blocks': (1,),
    'space.levels': 1,
    'pretrain.epochs': 1,
    'search.epochs': 1,
    'retrain.epochs': 1,
    'retrain.budget': 'none',
    'train.cpus': 1,
}


def test_the_notebook_holds_no_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']
    code = [cell for cell in cells if cell['cell_type'] == 'code']
    assert len(code) > 5 and not any(cell['outputs'] or cell['execution_count'] for cell in code)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    """In a folder of its own; every value that a cell ends with shows itself as it should."""
    nbclient = pytest.importorskip('nbclient', reason='needs nbclient, of the extra `test`')
    nbformat = pytest.importorskip('nbformat', reason='needs nbformat, of the extra `test`')
    pytest.importorskip('ipykernel', reason='needs ipykernel, of the extra `test`')
    notebook = nbformat.read(str(NOTEBOOK), as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=540, resources={'metadata': {'path': str(tmp_path)}}).execute()
    shown = {}
    for cell in notebook.cells:
        for output in cell.get('outputs', ()):
            assert output.output_type != 'error'
            shown.setdefault(cell.source, {}).update(output.get('data', {}))
    assert '<table' in shown['result.leaderboard()']['text/html']
    assert '<svg' in shown['result.architecture']['text/html']
    assert '<iframe' in shown['result.report()']['text/html']
    assert (tmp_path / 'digits.onnx').exists() and (tmp_path / 'runs' / 'quickstart' / 'report.html').exists()
    assert 'Result(' in shown["dsonas.open_run('runs/quickstart')"]['text/plain']


@pytest.mark.slow
def test_the_script_of_arrays_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location('arrays_example', str(EXAMPLES / 'arrays.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = module.main(minutes=10, overrides=TINY)
    text = capsys.readouterr().out
    assert 'searched' in text and 'the first test image:' in text and 'runs/arrays/report.html' in text
    assert result.summary['test_images'] == 360 and len(result.classes) == 10

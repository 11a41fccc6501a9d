"""consensus: from searches to a run that is retrained and compared under a name of its own; refusals in one line."""

import json

import pytest

from dsonas.base import cli
from dsonas.runfiles.summary import read_summary
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.consensus import consensus, provenance_of
from dsonas.symbols.space import SearchSpace
from dsonas.tools import consensus as script
from dsonas.tools.reading import runs
from dsonas.tools.tables import voting
from dsonas.tools.tables.comparison import compare, text
from dsonas.train import retrain
from dsonas.train.config import settings
from dsonas.train.searching import pipeline

from ..train.conftest import TINY
from .runmaker import make_run

SMALL = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2)


@pytest.fixture
def searched(tmp_path):
    return [make_run(tmp_path / f's{seed}', space=SMALL, seed=seed, state='searched') for seed in range(3)]


def test_a_file(searched, tmp_path, capsys):
    out = tmp_path / 'c.json'
    assert script.main([*searched, '-o', str(out)]) == 0
    told = capsys.readouterr().out
    assert 'a vote of 3 searches' in told and f'--architecture {out}' in told
    voters = [Architecture.load(f'{run}/architecture.json') for run in searched]
    strength = voting.strength(voting.searches(searched))
    assert Architecture.load(str(out)) == consensus(voters, 'majority', strength).architecture
    provenance = json.loads(out.read_text())['provenance']
    assert provenance['kind'] == 'consensus' and provenance['keep'] == 'majority'
    assert [entry['seed'] for entry in provenance['of']] == [0, 1, 2]
    assert all(1 <= votes <= 3 for votes in provenance['votes'].values())


def test_strength_is_blind_to_the_scale_of_groups(searched):
    (run, *_) = voting.searches(searched)
    strengths = voting.strength([run])
    squares = {}
    for name, value in strengths.items():
        squares[name.split('<-')[0]] = squares.get(name.split('<-')[0], 0) + value**2
    assert all(total == pytest.approx(1) or total == 0 for total in squares.values())


def test_refusals(searched, tmp_path, capsys):
    other = make_run(tmp_path / 'other', space=SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=3), seed=5)
    cases = [
        ([searched[0], '-o', str(tmp_path / 'x')], 'at least two searches'),
        ([*searched, other, '-o', str(tmp_path / 'x')], 'space.levels is 2 in one and 3 in another'),
        ([*searched, '-o', str(tmp_path / 'x'), '--keep', '9'], "keep='9'"),
        ([*searched, '-o', searched[0]], 'there is something already'),
        ([str(tmp_path / 'none'), '-o', str(tmp_path / 'x')], 'at least two searches'),
    ]
    for words, message in cases:
        assert cli.run(script.main, words) == 2
        err = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
        assert len(err) == 1 and message in err[0], (words, err)
    assert not (tmp_path / 'x').exists()


def test_kinds_in_comparisons(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / f's{seed}', seed=seed, error=5 + seed)
        make_run(tmp_path / f'r{seed}', kind='random', seed=seed, error=6 + seed)
        made = make_run(tmp_path / f'c{seed}', kind='random', seed=10 + seed, error=4 + seed)
        summary = json.loads((tmp_path / f'c{seed}' / 'summary.json').read_text())
        (tmp_path / f'c{seed}' / 'summary.json').write_text(json.dumps(dict(summary, kind='consensus')))
    result = compare(runs.read_all([str(tmp_path)]), 0)
    assert made and result['errors']['consensus'] == [4.0, 5.0]
    differences = {(entry['searched'], entry['other']): entry['difference'] for entry in result['against'].values()}
    assert differences == {
        ('searched', 'random'): pytest.approx(-1),
        ('searched', 'consensus'): pytest.approx(1),
        ('consensus', 'random'): pytest.approx(-2),
    }
    assert 'consensus - random: -2.00 points' in text(result)


def test_a_run_is_retrained_under_its_own_name(tmp_path):
    changes = {'search.target': 'edges=50%', 'search.gamma': 0.02}
    for seed in (0, 1):
        config = settings.build({**TINY, **changes, 'run': str(tmp_path / f's{seed}'), 'seed': seed})
        pipeline.search(config, ('pretrain', 'search'))
    out = str(tmp_path / 'agreed')
    assert script.main([str(tmp_path / 's0'), str(tmp_path / 's1'), '-o', out, '--keep', '1']) == 0
    retrain.main(['--run', out, '--seed', '3'])
    summary = read_summary(f'{out}/summary.json')
    assert summary['kind'] == 'consensus' and summary['test_error'] > 0
    run = runs.read(out)
    assert run.state == 'finished' and not run.losses
    assert run.architecture == Architecture.load(f'{out}/architecture.json')
    assert provenance_of(f'{out}/architecture.json')['kind'] == 'consensus'

"""The report's first screen: a sentence whose numbers are those of the run, bars beside the baselines, how far a run is."""

import json
import os
import re
import time

import numpy as np
import pytest

from dsonas.base.text import format_count
from dsonas.runfiles.data import DataDescription, write_data
from dsonas.runfiles.directory import RunDirectory, is_running
from dsonas.runfiles.fit import LOCK, FitRecord, write_fit
from dsonas.runfiles.gates import decided
from dsonas.tools.reading import runs
from dsonas.tools.reporting import answer, beside, gates, samples
from dsonas.tools.reporting.report import report

from .runmaker import make_run


def add(path, name, **changes):
    """Change fields of a JSON file of a run."""
    file = os.path.join(path, name)
    with open(file, encoding='utf-8') as stream:
        content = json.load(stream)
    content.update(changes)
    with open(file, 'w', encoding='utf-8') as stream:
        json.dump(content, stream)


def counts_of(classes, test=500):
    return {part: [test if part == 'test' else 40] * classes for part in ('train', 'weights', 'gates', 'test')}


def with_data(path, classes=10, test=500):
    counts = counts_of(classes, test)
    write_data(path, DataDescription('digits', [str(index) for index in range(classes)], 32, counts=counts))
    return path


def first(page):
    return re.sub('<.*?>', '', shown(page)).replace('\u00a0', ' ')


def shown(page):
    return re.search(r'id="answer">(.*?)</p>', page, re.S).group(1)


def test_the_first_sentence_has_the_numbers_of_the_summary(tmp_path):
    path = with_data(make_run(tmp_path / 'run', error=3.84))
    add(path, 'summary.json', latency_ms=1.9)
    page, summary = report(runs.read(path)), runs.read(path).summary
    low, high = answer.interval(3.84, 5000)
    wanted = [
        f'{100 - summary["test_error"]:.1f} % right on 5,000 unseen images (95 %: {100 - high:.1f}–{100 - low:.1f})',
        f'{format_count(summary["params"])} parameters',
        f'{format_count(summary["flops"])} multiply-adds',
        '1.9 ms an image in MXNet (batch of 1, a processor, 2 threads)',
    ]
    assert first(page) == ', '.join(wanted) + '.'
    assert page.index('id="answer"') < page.index('<h2>')
    assert re.search(r'<span class="whole">\(95\s%: [\d.]+–[\d.]+\),</span>', shown(page))
    assert not {'%', 'k', 'M', 'ms'} & set(re.split(r'[ \n<>]', shown(page))), 'no unit begins a line'


def test_mistakes_of_a_run_that_was_not_tested_are_told_with_how_to_see_them(tmp_path):
    path = with_data(make_run(tmp_path / 'run'))
    assert f'python train/evaluate.py {path}' in report(runs.read(path))
    tested = report(runs.read(make_run(tmp_path / 'tested', predictions=True)))
    going = report(runs.read(make_run(tmp_path / 'going', state='searching')))
    assert 'evaluate.py' not in tested and 'evaluate.py' not in going


@pytest.mark.parametrize('where, words', [
    ({'device': 'Xeon, 1 threads', 'batch': 1, 'threads': 1}, 'batch of 1, Xeon, 1 thread'),
    ({'device': 'Xeon, 4 threads', 'batch': 1, 'threads': 4}, 'batch of 1, Xeon, 4 threads'),
    ({'device': 'Tesla V100', 'batch': 1, 'threads': None}, 'batch of 1, Tesla V100'),
])  # fmt: skip
def test_latency_is_named_by_the_device_that_it_was_measured_on(where, words, tmp_path):
    """And not by the one on which training was: the environment of the run has two threads."""
    path = with_data(make_run(tmp_path / 'run', error=3.84))
    add(path, 'summary.json', latency_ms=1.9, latency=where)
    assert f'1.9 ms an image in MXNet ({words}).' in first(report(runs.read(path)))


def test_what_is_not_known_is_left_out_of_the_sentence(tmp_path):
    page = report(runs.read(make_run(tmp_path / 'run', error=3.84)))
    assert first(page).startswith('96.16 % right on the test images, ')
    assert 'ms an image' not in page and '95 %' not in page and 'not known' not in first(page)


@pytest.mark.parametrize('error, images', [(0.0, 50), (100.0, 50), (4.0, 5000), (50.0, 3)])
def test_interval_is_where_the_score_test_is_at_its_bound(error, images):
    """Wilson's interval: at its ends the share is Z standard errors (of the end) from what was measured."""
    for end in answer.interval(error, images):
        share = end / 100
        off = abs(share - error / 100)
        assert off == pytest.approx(answer.Z * np.sqrt(share * (1 - share) / images), abs=1e-6)


@pytest.mark.parametrize(
    'settled, words', [(True, 'had settled: no edge'), (False, 'had not settled: 3 edges'), (None, '')]
)
def test_whether_the_search_had_settled(settled, words, tmp_path):
    path = make_run(tmp_path / 'run')
    search = dict(runs.read(path).summary['search'], changed=0 if settled else 3, moved=0)
    add(path, 'summary.json', search=search if settled is None else dict(search, settled=settled))
    page = report(runs.read(path))
    assert words in page and ('settled' in page) == (settled is not None)


@pytest.mark.parametrize('classes', [2, 9, 10, 100])
def test_top5_is_told_from_ten_classes_on(classes, tmp_path):
    page = report(runs.read(with_data(make_run(tmp_path / 'run'), classes)))
    assert ('top-5' in page) == (classes >= 10)


def test_no_number_stands_on_the_page_as_two_facts(tmp_path):
    page = report(runs.read(with_data(make_run(tmp_path / 'run', error=3.84))))
    facts = re.findall(r'<dt>(.*?)</dt><dd>(.*?)</dd>', page)
    assert facts and len({label for label, _ in facts}) == len(facts)
    for _, value in facts:
        assert value not in first(page), value


def test_bars_hold_the_run_and_every_finished_baseline(tmp_path):
    path = with_data(make_run(tmp_path / 'run', error=4.0))
    for number, error in enumerate((5.0, 7.0)):
        with_data(make_run(os.path.join(path, f'retrain-random-{number}'), kind='random', error=error, seed=number))
    with_data(make_run(os.path.join(path, 'retrain-zoo'), kind='gluoncv:cifar_resnet20_v1', error=10.0))
    with_data(make_run(os.path.join(path, 'retrain-full'), kind='full', state='new'))
    page = report(runs.read(path))
    bars = page[page.index('class="bars"') : page.index('</figure>', page.index('class="bars"'))]
    rows = re.findall(r'class="what">(.+?)</span>.*?<b style="width:(.*?)%">.*?class="value">(.*?)</span>', bars, re.S)
    assert [(label, value) for label, _, value in rows] == [
        ('searched', '4.00 %'),
        ('random, mean of 2', '6.00 ± 1.41 %'),
        ('gluoncv cifar_resnet20_v1', '10.00 %'),
    ]
    widths = [float(width) for _, width, _ in rows]
    assert widths[1] / widths[0] == pytest.approx(6 / 4, rel=1e-3) and widths[2] / widths[0] == pytest.approx(
        2.5, rel=1e-3
    )
    spans = [(float(left), float(wide)) for left, wide in re.findall(r'<i style="left:(.*?)%;width:(.*?)%', bars)]
    assert len(spans) == 4 and all(left >= 0 and left + wide <= 100 for left, wide in spans)
    assert 'retrain-full' in page and 'retrain-random-1' in page


@pytest.mark.parametrize('largest', [0.0, 0.03, 0.9, 4.3, 9.99, 10.0, 37.0, 99.9, 100.0])
def test_axis_of_the_bars_holds_all_in_a_few_round_steps(largest):
    end, step = beside._axis(largest)
    assert end >= largest and round(end / step) == pytest.approx(end / step) and 1 <= round(end / step) <= 9


def test_a_run_that_still_goes_tells_time_left_and_its_last_test(tmp_path):
    path = make_run(tmp_path / 'run', state='searching', epochs=(2, 6, 4))
    run = runs.read(path)
    page = report(run)
    seconds = np.mean([row['seconds'] for row in run.rows('search')])
    assert f'after epoch 5 of 6 of the search: about {seconds:.3g} s left of it, then 4 epochs of retraining' in first(
        page
    )
    last = [row for row in run.log if row['test_error'] is not None][-1]
    assert f'Last test: {100 - last["test_error"]:.1f} % right' in page and first(page).startswith(
        'Not finished, after'
    )


def test_whether_a_process_has_the_run(tmp_path):
    path = make_run(tmp_path / 'run', state='searching')
    assert is_running(path) is None
    directory = RunDirectory(path)
    directory.lock()
    assert is_running(path) is True and 'Still going' in report(runs.read(path))
    directory.unlock()
    assert is_running(path) is False and 'Stopped after' in report(runs.read(path))
    directory.lock()  # looking has left no lock
    directory.unlock()


@pytest.mark.parametrize('running', [True, False])
@pytest.mark.parametrize('state, phase, words', [
    ('searching', 'search', 'the search'), ('finished', 'random-2', 'training a random one beside it'),
])  # fmt: skip
def test_a_run_of_a_fit_that_still_goes_tells_the_time_left_of_all(state, phase, words, running, tmp_path):
    path = make_run(tmp_path / 'run', state=state)
    estimates = dict.fromkeys(('prepare', 'search', 'random', 'random-2', 'finish'), 60.0)
    record = FitRecord({}, 8.0, {}, estimates, {}, done=['prepare'])
    record.foreseen = {'phase': phase, 'seconds': 300.0, 'at': time.time() - 60}
    write_fit(path, record)
    directory = RunDirectory(path)
    directory.lock(LOCK)
    if not running:
        directory.unlock()
    page = report(runs.read(path))
    if running:
        assert f'The fit still goes ({words}): about 4 min left.' in page
    else:
        assert f'The fit was stopped ({words}): about 5 min left once it goes on.' in page
    assert 'epochs of retraining' not in page
    state = runs.read(path).state
    with open(os.path.join(path, 'fit.json'), 'a', encoding='utf-8') as stream:
        stream.write('damage')
    assert runs.read(path).fit is None and runs.read(path).state == state
    record.done, record.foreseen = list(estimates), {}
    write_fit(path, record)
    assert 'The fit' not in report(runs.read(path))
    directory.unlock()


@pytest.mark.parametrize('state', ['finished', 'searching'])
def test_rows_of_the_heat_map_are_sorted_by_the_last_lambda_then_by_when_removed(state, tmp_path):
    run = runs.read(make_run(tmp_path / 'run', state=state, epochs=(1, 9, 1)))
    info, last, when = json.loads(gates.script(run)), run.gates.last(), decided(run.gates)
    for scope, names in info['names'].items():
        values = [last[name] for name in names]
        assert values == sorted(values, reverse=True)
        gone = [when[name] for name in names if when[name] is not None]
        assert gone == sorted(gone, reverse=True) and info['decided'][scope] == [when[name] for name in names]
    marks = re.findall(r'<svg class="marks"[^>]*><path d="(.*?)"', report(run))
    assert sum(path.count('M') for path in marks) == sum(epoch is not None for epoch in when.values())


def test_settings_are_those_other_than_the_presets_and_all_are_folded(tmp_path):
    path = make_run(tmp_path / 'run')
    add(path, 'environment.json', changed=['search.gamma', 'retrain.cutout'])
    page = report(runs.read(path))
    head, _, folded = page[page.index('<h2>Settings') :].partition('<details>')
    assert 'gamma' in head and 'cutout' in head and 'gate_lr' not in head
    assert 'gate_lr' in folded.partition('</details>')[0] and 'gamma' in folded.partition('</details>')[0]


def test_contact_sheet_is_of_the_runs_own_data_or_not_there(tmp_path):
    from dsonas.data.registry import load

    data = load('digits', limit=100)
    path = make_run(tmp_path / 'run', data__limit=100)
    known = DataDescription('digits', list(data.classes), 32, counts=counts_of(10), fingerprint=data.fingerprint)
    write_data(path, known)
    assert 'class="sheet-of-images"' in report(runs.read(path))
    write_data(path, DataDescription('digits', list(data.classes), 32, fingerprint='0' * 64))
    assert 'class="sheet-of-images"' not in report(runs.read(path))
    write_data(path, DataDescription('folder', ['a', 'b'], 32, dir=str(tmp_path / 'gone')))
    assert 'class="sheet-of-images"' not in report(runs.read(path))


def test_contact_sheet_shows_each_image_where_it_belongs():
    dice = np.random.RandomState(0)
    pixels = dice.randint(0, 256, (14, 3, 8, 8))
    page = samples.sheet(pixels / 255.0 / 0.5 - 1, (0.5,) * 3, (0.5,) * 3)
    assert page.shape == (2 * 10 - 2, samples.COLUMNS * 10 - 2, 3)
    assert (page[10:18, 10:18] == pixels[13].transpose(1, 2, 0)).all() and (page[10:, 20:] == 255).all()

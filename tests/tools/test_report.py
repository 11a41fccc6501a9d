"""The report: one page that asks the network for nothing, holds what the run holds, for short and long and unfinished runs."""

import base64
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from dsonas.base import cli
from dsonas.symbols.space import SearchSpace
from dsonas.tools import report
from dsonas.tools.drawing import heatmap, palette
from dsonas.tools.reading import runs
from dsonas.tools.reporting import gates, parts, settings

from .runmaker import SMALL, make_run, write_predictions

FULL = SearchSpace.cifar10(share=False, channels=4, blocks=(8, 8, 8))
BROWSER = next((path for path in map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome')) if path), None)
VOID = {'meta', 'link', 'img', 'br', 'hr', 'input'}


def make(case, folder):
    if case == 'long':
        return make_run(folder, FULL, epochs=(3, 300, 30), predictions=True)
    if case == 'baselines':
        path = make_run(folder, predictions=True)
        make_run(os.path.join(path, 'retrain-random-0'), kind='random', error=7.77)
        make_run(os.path.join(path, 'retrain-full'), kind='full', state='new')
        return path
    if case == 'random':
        return make_run(folder, kind='random')
    if case == 'damaged':
        path = make_run(folder)
        for name in ('lambda.npz', 'summary.json', 'log.csv'):
            with open(os.path.join(path, name), 'w') as file:
                file.write('{<script>')
        return path
    return make_run(folder, state=case, predictions=case == 'finished')


CASES = ['finished', 'searched', 'searching', 'new', 'baselines', 'random', 'damaged', 'long']


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reports')
    made = {}
    for case in CASES:
        run, page = make(case, folder / case), folder / (case + '.html')
        assert cli.run(report.main, [run, '-o', str(page)]) == 0
        made[case] = (runs.read(run), page)
    return made


class Checker(html.parser.HTMLParser):
    """Tags that close in order; every id once; what the page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.loads, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        self._attributes(attributes)

    def handle_startendtag(self, tag, attributes):
        self._attributes(attributes)

    def _attributes(self, attributes):
        for name, value in attributes:
            if name == 'id':
                self.ids.append(value)
            if name in ('src', 'href', 'xlink:href', 'srcset', 'data', 'action', 'poster'):
                self.loads.append(value)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open[-5:], self.getpos())

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize('case', CASES)
def test_page_is_well_formed_and_asks_for_nothing(case, pages):
    text = pages[case][1].read_text(encoding='utf-8')
    checker = Checker()
    checker.feed(text)
    assert not checker.open and len(checker.ids) == len(set(checker.ids))
    assert all(load.startswith(('data:', '#')) for load in checker.loads)
    bare = re.sub(r'xmlns(:\w+)?="[^"]*"', '', text)
    assert not re.search(r'https?://|//cdn|@import|url\((?!#)', bare)
    references = re.findall(r'(?:url\(|href=")#([^")]+)', text)
    assert set(references) <= set(checker.ids)
    for drawing in re.findall(r'<svg.*?</svg>', text, re.S):
        assert ElementTree.fromstring(drawing).tag == '{http://www.w3.org/2000/svg}svg'


def test_result_comes_first_and_everything_is_there(pages):
    run, page = pages['baselines']
    text = page.read_text(encoding='utf-8')
    heads = re.findall(r'<h2>(.*?)</h2>', text)
    assert heads == [
        'Beside other networks',
        'The searched blocks',
        'How the search went',
        'In numbers',
        'Mistakes',
        'Settings',
        'Versions and machine',
        'To reproduce it',
    ]
    assert text.index('id="answer"') < text.index('<h2>') and ': met' in text
    assert '7.77' in text and 'not started' in text
    for key in (
        'clip_gradient',
        'gate_lr',
        'cosine_restarts',
        '1.9.1',
        'abc123',
        'python train/search.py --config',
        'export OMP_NUM_THREADS=2',
        'if the processor (a processor), the number of threads (2) and the devices are the same',
    ):
        assert key in text, key


def test_every_surviving_edge_has_its_name_and_lambda_in_the_drawing(pages):
    run, page = pages['finished']
    text = page.read_text(encoding='utf-8')
    known = run.gates.last()
    for scope in run.architecture.scopes:
        for name in run.architecture.edges(scope):
            assert text.count('<title>{}: λ = {:.3g}</title>'.format(name.replace('<', '&lt;'), known[name])) == 1


@pytest.mark.parametrize('case', ['finished', 'searching', 'long'])
def test_heat_maps_hold_every_lambda_at_every_epoch(case, pages):
    run, page = pages[case]
    text = page.read_text(encoding='utf-8')
    info = json.loads(re.search(r'<script type="application/json" id="edges">(.*?)</script>', text, re.S).group(1))
    assert sorted(name for names in info['names'].values() for name in names) == sorted(run.gates.names)
    assert info['epochs'] == run.gates.epochs.tolist() and len(set(info['colours'])) == info['steps'] + 2
    colours = {tuple(map(int, colour.split(','))): index for index, colour in enumerate(info['colours'])}
    place = {name: index for index, name in enumerate(run.gates.names)}
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]*)"[^>]*data-scope="([^"]*)"', text)
    assert sorted(scope for _, scope in pictures) == sorted(info['names'])
    for content, scope in pictures:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert('RGB'))
        assert pixels.shape[:2] == (len(info['names'][scope]), len(info['epochs']))
        for row, name in enumerate(info['names'][scope]):
            for column in {0, len(info['epochs']) // 2, len(info['epochs']) - 1}:
                index = colours[tuple(pixels[row, column].tolist())]
                value, gone = run.gates.values[column, place[name]], run.gates.pruned[column, place[name]]
                if gone or value == 0:
                    assert index == info['steps'] + gone
                else:
                    root = info['low'] + (info['high'] - info['low']) * index / (info['steps'] - 1)
                    assert abs(root - np.sqrt(value)) <= (info['high'] - info['low']) / info['steps']


def test_signed_lambda_have_colours_of_their_own():
    values = np.array([[-1.0, 0.0, 0.5, 1.0]])
    found = heatmap.indices(values, np.array([[False, False, False, True]]), -1.0, 1.0)
    assert found.tolist() == [[0, heatmap.STEPS, round((1 + 0.5**0.5) / 2 * (heatmap.STEPS - 1)), heatmap.STEPS + 1]]
    assert len({tuple(colour) for colour in heatmap.shades(True).tolist()}) == heatmap.STEPS


def test_confusion_counts_and_worst_images(pages):
    run, page = pages['finished']
    text = page.read_text(encoding='utf-8')
    found = np.load(os.path.join(run.path, 'predictions.npz'))
    wrong = int((found['labels'] != found['predicted']).sum())
    assert f'{wrong} of 500 test images are wrong' in text
    both = ((found['labels'] == 3) & (found['predicted'] == 3)).sum()
    assert f'title="3 taken for 3: {both}"' in text
    assert len(re.findall(r'<div><img src="data:image/png', text)) == len(found['worst_index'])


def test_many_classes_give_the_pairs_most_often_confused(tmp_path):
    path = make_run(tmp_path / 'run')
    write_predictions(path, classes=100, count=2000)
    text = report.report(runs.read(path))
    assert 'Taken for' in text and 'class="confusion"' not in text


def test_names_and_settings_cannot_break_out_of_the_page(tmp_path):
    evil = '</script><script>alert(1)</script>'
    path = make_run(tmp_path / 'run', data__dir=evil)
    found = dict(np.load(os.path.join(make_run(tmp_path / 'other', predictions=True), 'predictions.npz')))
    np.savez(
        os.path.join(path, 'predictions.npz'),
        **dict(found, classes=np.array([evil + str(index) for index in range(10)])),
    )
    text = report.report(runs.read(path))
    assert evil not in text and 'alert(1)' in text


def test_mistakes_are_one_line(tmp_path, capsys):
    run = make_run(tmp_path / 'run', state='new')
    assert (
        cli.run(report.main, [run, '-o', 'x.pdf']) == 2 and cli.run(report.main, [str(tmp_path), '-o', 'x.html']) == 2
    )
    assert capsys.readouterr().err.count('\n') == 2


def browse(page, *words):
    command = [
        BROWSER,
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--enable-logging=stderr',
        '--user-data-dir=%s' % (page.parent / 'profile'),
        '--virtual-time-budget=3000',
        *words,
        page.as_uri(),
    ]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=True)
    return ran.stdout.decode('utf-8'), [
        line for line in ran.stderr.decode('utf-8', 'replace').splitlines() if 'CONSOLE' in line
    ]


PROBE = """
<script>
window.addEventListener('load', function () {
  var found = {wide: document.documentElement.scrollWidth, seen: window.innerWidth, figures: [], cut: []};
  var texts = 'h1, h2, p, th, td, dt, dd, figcaption, summary, pre, .what, .value, .heat i, .heat small';
  document.querySelectorAll(texts).forEach(function (part) {
    var box = part.getBoundingClientRect();
    if (box.width && (box.right > window.innerWidth + 1 || box.left < -1 || part.scrollWidth > part.clientWidth + 1 &&
        getComputedStyle(part).display !== 'inline')) { found.cut.push(part.textContent.slice(0, 60)); }
  });
  document.querySelectorAll('svg, img').forEach(function (part) {
    if (part.classList.contains('marks')) { return; }
    var box = part.getBoundingClientRect();
    if (box.right > window.innerWidth + 1 || box.left < -1) { found.cut.push(part.outerHTML.slice(0, 60)); }
    found.figures.push(box.width > 20 && box.height > 10 && (part.tagName !== 'IMG' || part.naturalWidth > 0));
  });
  found.tracks = Array.from(document.querySelectorAll('.track')).map(function (part) {
    var box = part.getBoundingClientRect();
    return [Math.round(box.left), Math.round(box.right)];
  });
  var map = document.querySelector('.heat img');
  if (map) {
    var box = map.getBoundingClientRect();
    var spot = {clientX: box.left + box.width * (1 - 0.5 / map.naturalWidth), clientY: box.top + 1};
    map.dispatchEvent(new PointerEvent('pointermove', spot));
    found.tip = document.getElementById('tip').textContent;
  }
  found.loads = performance.getEntriesByType('resource').map(function (entry) { return entry.name; })
    .filter(function (name) { return name.slice(0, 5) !== 'data:'; });
  parent.document.title = 'PROBE' + JSON.stringify(found) + 'END';
});
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason='no chromium on this machine')
@pytest.mark.parametrize('width', [360, 1280])
@pytest.mark.parametrize('case', ['finished', 'searching', 'long', 'baselines'])
def test_in_a_browser_nothing_fails_and_every_figure_shows(case, width, pages, tmp_path):
    run, page = pages[case]
    content = page.read_text(encoding='utf-8')
    probed = tmp_path / 'probed.html'
    framed = f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{html.escape(content.replace("</body>", PROBE))}"></iframe>'
    head = '<!DOCTYPE html><html><head><title></title></head><body style="margin:0">'  # a browser's window cannot be as narrow
    probed.write_text(f'{head}{framed}</body></html>', encoding='utf-8')
    shown, console = browse(probed, f'--window-size={max(width, 600)},900', '--dump-dom')
    assert console == []
    found = json.loads(html.unescape(re.search('PROBE(.*?)END', shown).group(1)))
    assert found['loads'] == [] and found['figures'] and all(found['figures'])
    assert found['seen'] == width and found['wide'] <= width, 'the page scrolls sideways'
    assert found['cut'] == []
    assert len({tuple(track) for track in found['tracks']}) == (case == 'baselines'), (
        'bars and their ticks have one axis'
    )
    info = json.loads(re.search(r'id="edges">(.*?)</script>', content, re.S).group(1))
    name = next(iter(info['names'].values()))[0]
    value = run.gates.last()[name]
    assert found['tip'].startswith(f'{name}, epoch {run.gates.epochs[-1]}: ')
    if value:
        read = float(re.search('≈ ([0-9.]+)', found['tip']).group(1))
        assert read == pytest.approx(value, abs=0.02 * max(run.gates.values.max(), 1))


@pytest.mark.skipif(BROWSER is None, reason='no chromium on this machine')
@pytest.mark.parametrize('case', ['baselines', 'long'])
def test_prints_on_at_most_four_pages(case, pages, tmp_path):
    browse(pages[case][1], f'--print-to-pdf={tmp_path / "page.pdf"}', '--no-pdf-header-footer')
    content = (tmp_path / 'page.pdf').read_bytes()
    assert 1 <= len(re.findall(rb'/Type\s*/Page\b', content)) <= 4


def test_pictures_follow_the_page_into_the_dark_and_labels_keep_the_colour_that_suits_their_box(pages):
    text = pages['finished'][1].read_text(encoding='utf-8')
    assert 'prefers-color-scheme: dark' in text and '@media print' in text
    variables = set(re.findall(r'var\(--([\w-]+), #', text))
    light, dark = (set(re.findall(r'--([\w-]+):', part)) for part in re.findall(r':root \{(.*?)\}', text, re.S)[:2])
    assert variables and variables <= light and variables <= dark
    for drawing in re.findall(r'<svg role.*?</svg>', text, re.S):
        bare = re.sub(r'var\([^)]*\)', '', drawing)
        assert palette.INK not in bare, 'every line and label of ink follows'


def test_every_picture_says_what_it_shows(pages):
    for case in ('finished', 'long', 'baselines'):
        text = pages[case][1].read_text(encoding='utf-8')
        assert all(re.search(r' alt="[^"]+"', tag) for tag in re.findall(r'<img [^>]*>', text))
        assert all(re.search(r'aria-(label="[^"]+"|hidden="true")', tag) for tag in re.findall(r'<svg [^>]*>', text))


@pytest.mark.parametrize('blocks, stem', [((1, 1, 1), 'cifar'), ((2, 2, 2, 2), 'imagenet')])
def test_heat_map_of_a_shared_block_is_as_wide_as_the_page(blocks, stem, tmp_path):
    space = SearchSpace(share=True, channels=4, classes=10, blocks=blocks, stem=stem)
    page = gates.gates(runs.read(make_run(tmp_path / 'run', space)))
    assert 'class="maps"' in page and '<figcaption>shared block</figcaption>' in page


def test_every_block_of_a_full_network_is_a_picture_in_the_group_of_its_stage(pages):
    run, page = pages['long']
    groups = re.findall(
        r'<p class="stage">Stage (\d)</p>\n<div class="blocks many">(.*?)</div>', page.read_text(encoding='utf-8'), re.S
    )
    assert [stage for stage, _ in groups] == ['1', '2', '3']
    labels = [re.findall(r'<svg role="img" aria-label="(.*?)"', part) for _, part in groups]
    assert [len(part) for part in labels] == [9, 9, 8]  # with the reduction blocks
    assert labels[1][0].startswith('block 8: ') and labels[1][-1] == 'reduction 1'


def test_small_space_is_what_the_cases_are_built_on():
    assert SMALL.num_blocks == 3 and FULL.num_blocks == 24


@pytest.mark.parametrize(
    'environment, first, lines, words',
    [
        ({'threads': 2}, 'a CPU with 2 threads', ['export OMP_NUM_THREADS=2'], 'threads (2) and'),
        ({'threads': 1, 'search_threads': 1}, 'a CPU with 1 thread', ['export OMP_NUM_THREADS=1'], 'threads (1) and'),
        (
            {'threads': 1, 'search_threads': 2},
            'a CPU with 2 threads in the search, 1 in training',
            ['export OMP_NUM_THREADS=2', 'export OMP_NUM_THREADS=1'],
            'threads (2 in the search, 1 in training) and',
        ),
        ({'threads': None, 'search_threads': 2}, 'a CPU', [], 'number of threads and'),
    ],
)
def test_how_many_threads_searched_and_trained(tmp_path, environment, first, lines, words):
    run = runs.read(make_run(tmp_path / 'run'))
    run.environment = {**run.environment, **environment, 'devices': ['cpu(0)']}
    assert parts._devices(run) == first
    page = str(settings.commands(run))
    told = [line for line in page.split('<pre>')[1].split('</pre>')[0].split('\n')]
    assert [line for line in told if line.startswith('export')] == lines and words in page
    if len(lines) == 2:
        assert [told[place].split()[1] for place in (1, 3)] == ['train/search.py', 'train/retrain.py']

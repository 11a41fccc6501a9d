"""A search as a moving picture: a frame an epoch, in places that stay, and the last one is the architecture."""

import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from dsonas.base import cli
from dsonas.base.errors import UserError
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools import plot_blocks
from dsonas.tools.drawing import frames, moving, palette
from dsonas.tools.drawing.architectures import colours_of
from dsonas.tools.reading import runs

from .runmaker import SMALL, make_run

FULL = SearchSpace.cifar10(share=False, channels=4, blocks=(2, 1))
SVG = '{http://www.w3.org/2000/svg}'


@pytest.fixture(scope='module', params=['share', 'full', 'searching'])
def run(request, tmp_path_factory):
    space = FULL if request.param == 'full' else SMALL
    state = 'searching' if request.param == 'searching' else 'finished'
    folder = tmp_path_factory.mktemp(request.param) / 'run'
    return runs.read(make_run(folder, space, state=state, epochs=(1, 9, 1)))


def test_a_frame_an_epoch_and_the_last_is_the_architecture(run):
    for scope in run.architecture.scopes:
        film = frames.film(run.architecture.space, run.gates, scope)
        assert [frame.epoch for frame in film.frames] == run.gates.epochs.tolist()
        assert film.last.architecture == run.architecture
        assert {edge.name for edge in film.last.graph.surviving} == set(run.architecture.edges(scope))
        assert film.frames[0].left == film.edges, 'nothing is gone before the search'
        places = {node.key for frame in film.frames for node in frame.graph.nodes}
        assert places == set(film.placed.boxes), 'every frame has the same nodes'


def drawn(run, scope):
    film = frames.film(run.architecture.space, run.gates, scope)
    text = moving.svg(film, colours_of(run.architecture), 'a <title> & more')
    return film, ElementTree.fromstring(text)


def test_svg_shows_the_last_frame_where_nothing_moves(run):
    scope = run.architecture.scopes[-1]
    film, root = drawn(run, scope)
    strokes = {path.get('data-edge'): path.get('stroke') for path in root.iter(f'{SVG}path') if path.get('data-edge')}
    assert {name for name, stroke in strokes.items() if stroke != palette.FAINT} == set(run.architecture.edges(scope))
    assert len(strokes) == film.edges
    alive = [text.get('data-node') for text in root.iter(f'{SVG}text') if text.get('data-alive') == '1']
    assert sorted(alive) == sorted(run.architecture.operations(scope))
    labels = [text for text in root.iter(f'{SVG}text') if text.get('data-epoch')]
    assert [int(text.get('data-epoch')) for text in labels] == run.gates.epochs.tolist()
    assert [text.get('visibility') for text in labels] == ['hidden'] * (len(labels) - 1) + ['visible']
    assert labels[-1].get('data-left') == str(len(run.architecture.edges(scope)))


def test_svg_moves_in_time_and_asks_for_nothing(run):
    film, root = drawn(run, run.architecture.scopes[0])
    moves = list(root.iter(f'{SVG}animate'))
    assert moves and len({move.get('dur') for move in moves}) == 1
    for move in moves:
        times, values = move.get('keyTimes').split(';'), move.get('values').split(';')
        numbers = [float(time) for time in times]
        assert len(times) == len(values) and numbers[0] == 0 and numbers == sorted(numbers) and numbers[-1] <= 1
        if move.get('calcMode') != 'discrete':
            assert numbers[-1] == 1
    text = ElementTree.tostring(root, encoding='unicode')
    assert not re.search(r'href|url\(|script|@import', text) and root.get('aria-label')


def test_what_an_animation_steps_through_is_what_each_frame_has(run):
    film, root = drawn(run, run.architecture.scopes[0])
    total = len(film.frames) + frames.holds(len(film.frames))
    alive = [{edge.name for edge in frame.graph.surviving} for frame in film.frames]
    for path in root.iter(f'{SVG}path'):
        name, steps = path.get('data-edge'), [move for move in path if move.get('attributeName') == 'stroke']
        if name is None or not steps:
            continue
        times = [round(float(time) * total) for time in steps[0].get('keyTimes').split(';')]
        values = steps[0].get('values').split(';')
        for number in range(len(film.frames)):
            now = values[max(place for place, time in enumerate(times) if time <= number)]
            assert (now != palette.FAINT) == (name in alive[number]), (name, number)


def test_gif_has_a_picture_an_epoch(run):
    film = frames.film(run.architecture.space, run.gates)
    content = moving.gif(film, colours_of(run.architecture), 'title')
    assert len(content) < 1_000_000
    pictures = Image.open(io.BytesIO(content))
    assert pictures.n_frames == len(run.gates.epochs) and pictures.info['loop'] == 0
    pictures.seek(0)
    first = np.asarray(pictures.convert('RGB')).astype(int)
    pictures.seek(pictures.n_frames - 1)
    last = np.asarray(pictures.convert('RGB')).astype(int)
    assert last.mean() > first.mean() + 1, 'fewer lines leave more paper'
    assert pictures.info['duration'] > 1000


def test_the_command_writes_both_kinds(run, tmp_path, capsys):
    for name in ('a.svg', 'a.gif'):
        assert cli.run(plot_blocks.main, [run.path, '--animate', '-o', str(tmp_path / name)]) == 0
    block = run.architecture.scopes[-1]
    assert cli.run(plot_blocks.main, [run.path, '--animate', '--block', block, '-o', str(tmp_path / 'b.svg')]) == 0
    assert cli.run(plot_blocks.main, [run.path, '--animate', '--block', 'b99', '-o', str(tmp_path / 'c.svg')]) == 2
    assert cli.run(plot_blocks.main, [run.path, '--animate', '-o', str(tmp_path / 'c.png')]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and 'accepted' in lines[0] and '.svg' in lines[1] and '.gif' in lines[1]


def test_without_a_search_there_is_nothing_to_animate(tmp_path, capsys):
    path = make_run(tmp_path / 'run', kind='random')
    assert cli.run(plot_blocks.main, [path, '--animate', '-o', str(tmp_path / 'a.svg')]) == 2
    Architecture.random(SMALL, 0).save(str(tmp_path / 'a.json'))
    assert cli.run(plot_blocks.main, [str(tmp_path / 'a.json'), '--animate', '-o', str(tmp_path / 'a.svg')]) == 2
    assert capsys.readouterr().err.count('no history of λ to animate') == 2


def test_a_history_of_another_space_is_refused(tmp_path):
    gates = runs.read(make_run(tmp_path / 'run')).gates
    with pytest.raises(UserError, match='other edges'):
        frames.film(FULL, gates)

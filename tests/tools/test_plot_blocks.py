"""Drawings of blocks: files of each kind, on a page, with every edge; the dot text parses."""

import collections
import re
import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib.patches import PathPatch

from dsonas.base import cli
from dsonas.base.text import format_count
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace
from dsonas.tools import plot_blocks
from dsonas.tools.drawing import dag, figures
from dsonas.tools.drawing.architectures import colours_of, flops_of
from dsonas.tools.drawing.blocks import sheet

from .runmaker import make_run
from .test_dag import CASES, surviving

HEADERS = {'svg': b'<?xml', 'png': b'\x89PNG', 'pdf': b'%PDF'}


def figure_of(architecture, **options):
    with figures.styled():
        graphs = dag.graphs(architecture, **options)
        figure = sheet(graphs, colours_of(architecture), 'a title')
        figure.canvas.draw()
    return figure


@pytest.mark.parametrize('case', CASES)
def test_each_surviving_edge_is_drawn_once_and_all_fits_a_page(case):
    figure = figure_of(CASES[case])
    drawn = collections.Counter(
        patch.get_gid() for patch in figure.axes[0].patches if isinstance(patch, PathPatch) and patch.get_gid()
    )
    assert drawn == collections.Counter(surviving(CASES[case]))
    width, height = figure.get_size_inches()
    assert min(width, height) <= figures.A4[0] + 0.01 and max(width, height) <= figures.A4[1] + 0.01


@pytest.mark.parametrize('case', ['share', 'complete', 'full', 'identity', 'pools'])
def test_no_label_runs_out_of_its_box_or_over_another(case):
    figure = figure_of(CASES[case])
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    page = figure.bbox
    for index, box in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        for other in boxes[index + 1 :]:
            assert not box.overlaps(other), (texts[index].get_text(), case)
    smallest = min(text.get_fontsize() for text in texts)
    assert smallest >= (3 if case == 'complete' else 4), smallest


def test_legend_explains_what_is_drawn():
    architecture = CASES['pools']
    gates = {name: 0.5 for group in architecture.space.gate_names() for name in group}
    figure = figure_of(architecture, gates=gates, pruned=True)
    words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert {'avg 3×3', 'max 3×3', 'sep 3×3', 'pruned', 'λ = 0.5'} <= set(words)
    assert any(word.startswith('shortcut') for word in words)
    words = [text.get_text() for legend in figure_of(architecture).legends for text in legend.get_texts()]
    assert 'sep 3×3' not in words and 'pruned' not in words and not any('λ' in word for word in words)


@pytest.mark.parametrize('blocks', [(8, 8, 8), (2, 2, 13, 6), (1,) * 8])
@pytest.mark.parametrize('width', [3.3, 4.6, 8.27])
def test_legends_are_no_wider_than_the_figure_and_tell_of_no_shortcut_where_none_is(blocks, width):
    space = SearchSpace.cifar10(channels=4, blocks=blocks)
    architecture = Architecture.full(space)
    known = {name: 0.123 for group in space.gate_names() for name in group}
    graphs = dag.graphs(architecture, known)
    for shown in (graphs[:1], graphs[1:]):
        with figures.styled():
            figure = sheet(shown, colours_of(architecture), page=(width, figures.A4[1]))
            figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        for legend in figure.legends:
            box = legend.get_window_extent(renderer)
            assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, (box, figure.bbox)
        words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
        assert any(word.startswith('shortcut') for word in words) == (shown[0].scope == 'shared')


def test_wider_edges_carry_larger_lambda():
    architecture = Architecture(SearchSpace.cifar10(), [['out<-L1.avg_pool_3x3', 'out<-L1.max_pool_3x3']])
    gates = {'shared/out<-L1.avg_pool_3x3': 0.2, 'shared/out<-L1.max_pool_3x3': 0.9}
    figure = figure_of(architecture, gates=gates)
    widths = {patch.get_gid(): patch.get_linewidth() for patch in figure.axes[0].patches if patch.get_gid() in gates}
    assert widths['shared/out<-L1.avg_pool_3x3'] < widths['shared/out<-L1.max_pool_3x3']


@pytest.mark.parametrize('kind', ['svg', 'png', 'pdf'])
def test_files_are_of_their_kind_and_equal_each_time(kind, tmp_path):
    run = make_run(tmp_path / 'run')
    contents = []
    for number in range(2):
        file = tmp_path / f'blocks{number}.{kind}'
        assert cli.run(plot_blocks.main, [run, '-o', str(file)]) == 0
        contents.append(file.read_bytes())
    assert contents[0] == contents[1] and contents[0].startswith(HEADERS[kind])
    if kind == 'svg':
        text = contents[0].decode()
        assert ElementTree.fromstring(text).tag.endswith('svg')
        architecture = Architecture.load(tmp_path / 'run' / 'architecture.json')
        assert len(surviving(architecture)) == sum(
            text.count('id="{}"'.format(name.replace('<', '&lt;'))) for name in surviving(architecture)
        )


DOT_ID = r'(?:"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+)'


def parse_dot(text):
    """Edges of a dot text by a small grammar: graph, subgraphs, attribute lists, rank groups. Raises AssertionError."""
    tokens = re.findall(DOT_ID + r'|->|[{}\[\];=,]', text)
    assert re.sub(r'\s+', '', text) == re.sub(r'\s+', '', ''.join(tokens)), 'characters outside the grammar'
    assert tokens[0] == 'digraph' and tokens.count('{') == tokens.count('}') and tokens.count('[') == tokens.count(']')
    edges = [(tokens[at - 1], tokens[at + 1]) for at, token in enumerate(tokens) if token == '->']
    named = [at - 1 for at, token in enumerate(tokens) if token == '[' and tokens[at - 1].startswith('"')]
    nodes = {tokens[at] for at in named if tokens[at - 1] != '->'}
    return nodes, edges


@pytest.mark.parametrize('case', CASES)
def test_dot_parses_and_holds_each_edge_once(case, tmp_path):
    file, source = tmp_path / 'blocks.dot', tmp_path / 'a.json'
    CASES[case].save(str(source))
    assert cli.run(plot_blocks.main, [str(source), '-o', str(file), '--title', 'a "quoted" title']) == 0
    nodes, edges = parse_dot(file.read_text(encoding='utf-8'))
    graphs = dag.graphs(CASES[case])
    assert len(edges) == sum(len(graph.edges) for graph in graphs)
    assert set(edges) == {
        tuple(f'"{graph.scope}/{key[0]}.{key[1]}"' for key in (edge.source, edge.target))
        for graph in graphs
        for edge in graph.edges
    }
    assert nodes == {f'"{graph.scope}/{node.key[0]}.{node.key[1]}"' for graph in graphs for node in graph.nodes}


def test_one_block_alone(tmp_path):
    source = tmp_path / 'a.json'
    CASES['full'].save(str(source))
    file = tmp_path / 'one.dot'
    assert cli.run(plot_blocks.main, [str(source), '-o', str(file), '--block', '3']) == 0
    assert 'cluster_b03' in file.read_text(encoding='utf-8') and 'cluster_b04' not in file.read_text(encoding='utf-8')


@pytest.mark.parametrize('state', ['searching', 'searched', 'finished'])
def test_runs_on_their_way_are_drawn_too(state, tmp_path):
    run = make_run(tmp_path / 'run', state=state)
    assert cli.run(plot_blocks.main, [run, '-o', str(tmp_path / 'blocks.png')]) == 0


def test_mistakes_are_one_line_and_status_2(tmp_path, capsys):
    source = tmp_path / 'a.json'
    CASES['share'].save(str(source))
    broken = tmp_path / 'broken.json'
    broken.write_text(source.read_text().replace('sep_conv_3x3<-', 'sep_conv_9x9<-', 1))
    picture = str(tmp_path / 'x.png')
    for words, named in (
        ([str(tmp_path / 'nope'), '-o', picture], 'nope'),
        ([str(source), '-o', 'x.gif'], '.svg, .png, .pdf, .dot'),
        ([str(tmp_path), '-o', picture], 'config.yaml'),
        ([str(broken), '-o', picture], 'broken.json'),
        ([str(source), '-o', picture, '--block', 'b77'], 'shared'),
        ([make_run(tmp_path / 'new', state='new'), '-o', picture], 'not started'),
    ):
        assert cli.run(plot_blocks.main, words) == 2
        error = capsys.readouterr().err
        assert named in error and error.count('\n') == 1


def test_full_networks_stand_by_stage_with_the_flops_of_each_block(tmp_path):
    architecture = CASES['full']
    flops = flops_of(architecture)
    counted = {block.name: block.flops for block in cost(architecture).blocks}
    assert flops == {scope: counted[scope] for scope in architecture.scopes} and flops_of(CASES['share']) == {}
    figure = figure_of(architecture, flops=flops)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if word.startswith('stage')] == ['stage 1', 'stage 2', 'stage 3']
    ends = [words.index(f'stage {stage}') for stage in (1, 2, 3)] + [len(words)]
    for stage in range(3):
        part = words[ends[stage] : ends[stage + 1]]
        blocks = range(8 * stage, 8 * stage + 8)
        assert [f'block {block}: {format_count(flops[f"b{block:02d}"])}' in part for block in blocks] == [True] * 8
        assert (f'reduction {stage}' in part) == (stage < 2)


def test_a_shortcut_that_is_a_convolution_says_so():
    words = [text.get_text() for text in figure_of(CASES['full']).axes[0].texts]
    assert words.count('1×1') == 3
    shared = figure_of(CASES['share'])
    legend = [text.get_text() for legend in shared.legends for text in legend.get_texts()]
    assert 'shortcut (1×1 convolution in blocks 0, 8, 16)' in legend

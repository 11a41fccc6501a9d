"""What a table says: measured rows, each a mean over seeds of runs with equal settings, beside the paper's published ones.

A number stands in a table only if its run is finished and undamaged; any other run is named, with what is wrong with it. Rows of
networks that were trained or tested by another recipe than most are marked, and the remarks below say what differs.
"""

import dataclasses
from typing import Dict, List, Sequence, Tuple

from ...runfiles.network import SEARCHED, gluoncv_name
from ..reading.experiments import differing, group, kind, transferred
from ..reading.recipe import DATA, alike, recipe_of, told
from ..reading.runs import SEARCH_ALONE, Run
from . import published
from .cells import cells_of_summary, cells_of_table_1, cells_of_table_2, cells_of_table_3, supernets

_CELLS = {'1': cells_of_table_1, '2': cells_of_table_2, '3': cells_of_table_3, 'summary': cells_of_summary}

PUBLISHED, MEASURED = 'published', 'measured'
TOLD = ('space.share', 'search.split', 'search.ratio', 'pretrain.epochs')  # what table 3 has columns for
HEADS = {
    '1': ('Architecture', 'Test error (%)', 'Params (M)', 'Search cost', 'Search method'),
    '2': ('Architecture', 'Top-1 error (%)', 'Top-5 error (%)', 'Params (M)', 'FLOPs (M)', 'Search cost'),
    '3': ('Search space', 'Split training', 'Pre-trained model', 'Ratio of W&S', 'Params (M)', 'Test error (%)'),
    'summary': ('Network', 'Test error (%)', 'Params', 'FLOPs', 'Search time', 'Retraining time'),
}
TITLES = {
    '1': 'Comparison on CIFAR-10',
    '2': 'Comparison on ImageNet',
    '3': 'Settings of the search, on CIFAR-10',
    'summary': 'Networks of these runs',
}


@dataclasses.dataclass
class Table:
    """heads: names of columns, the last two 'Runs' and 'Source'; rows: texts.

    notes: lines on runs that are not counted; remarks: '[1] …', lines on rows that are marked so.
    """

    caption: str
    heads: Tuple[str, ...]
    rows: List[Tuple[str, ...]]
    notes: List[str]
    remarks: List[str] = dataclasses.field(default_factory=list)


def make(which: str, found: Sequence[Run], seeds: int = 0, with_published: bool = True) -> Table:
    """The Table `which` ('1', '2', '3' or 'summary') of a list of Run. seeds: how many runs a row should have, 0 if not known."""
    found = _without_sources(found)
    groups = group(found)
    rows = [tuple(cells) + ('', PUBLISHED) for cells in published.cells(which)] if with_published else []
    labelled = _labelled(which, groups)
    marks, remarks = _marked(labelled)
    for (label, members), mark in zip(labelled, marks):
        done = [run for run in members if run.state == 'finished']
        wanted = max(seeds, len(members))
        count = str(len(done)) if len(done) == wanted else f'{len(done)} of {wanted}'
        cells = _CELLS[which](label, done, members)
        rows.append((f'{cells[0]} {mark}'.strip(), *cells[1:], count, MEASURED))
        if which == 'summary' and done:
            rows += [tuple(cells) + (count, MEASURED) for cells in supernets(label, done)]
    notes = [f'{run.path}: {run.state} ({run.why})' for run in found if run.state != 'finished']
    return Table(_caption(which, found, with_published), HEADS[which] + ('Runs', 'Source'), rows, notes, remarks)


def _without_sources(found: Sequence[Run]) -> List[Run]:
    """Leave out searches that were made for what another run has trained: those of transferred blocks."""
    trained = [run.architecture for run in found if transferred(run)]
    return [run for run in found if run.why != SEARCH_ALONE or run.architecture not in trained]


def _marked(labelled: Sequence[Tuple[str, List[Run]]]) -> Tuple[List[str], List[str]]:
    """Return (a mark for each row, '' where it is of the usual recipe; the remarks).

    The usual recipe is that of most runs, of the recipes by which a searched network was trained, if there is one.
    """
    recipes = [recipe_of(members[0]) for _, members in labelled]

    def weight(places: Sequence[int]) -> Tuple[bool, int]:
        searched = any(kind(labelled[place][1][0]) == SEARCHED and recipes[place].facts for place in places)
        return searched, sum(len(labelled[place][1]) for place in places)

    usual = max(alike(recipes), key=weight, default=[])[:1]
    numbers: Dict[Tuple[str, ...], int] = {}
    marks = []
    for recipe in recipes:
        different = tuple(recipe.differences(recipes[usual[0]]))
        marks.append(f'[{numbers.setdefault(different, len(numbers) + 1)}]' if different else '')
    first = (labelled[usual[0]][0] or labelled[usual[0]][1][0].name) if usual else ''
    return marks, [
        f'[{number}] not by the recipe of {first}: {told(different)}' for different, number in numbers.items()
    ]


def _name(which: str, run: Run) -> str:
    what, space = kind(run), 'share' if run.get('space.share', True) else 'full'
    zoo_name = gluoncv_name(what)
    if zoo_name is not None:
        return zoo_name
    if not run.config:
        return run.name
    labels = {'searched': f'DSO-NAS-{space}', 'random': f'random-{space}', 'full': f'completely connected ({space})'}
    label = labels.get(what, f'{what} ({space})')
    if transferred(run):
        label = 'DSO-NAS*' if which == '2' else label + '*'
    return label + (' + c/o' if which == '1' and run.get('retrain.cutout') else '')


def _labelled(which: str, groups: List[List[Run]]) -> List[Tuple[str, List[Run]]]:
    """[(label, runs)]; groups that would be called the same get the settings in which they differ."""
    if which == '3':
        groups = [members for members in groups if kind(members[0]) == 'searched']
    named = [(_name(which, members[0]) if which != '3' else '', members) for members in groups]
    labelled = []
    for label, members in named:
        twins = [others for other, others in named if other == label and others[0].config] if members[0].config else []
        keys = differing([others[0] for others in twins]) if len(twins) > 1 else []
        if which == '3':
            told = [[others[0].get(key) for key in TOLD] for others in twins]
            alone = (
                told.count([members[0].get(key) for key in TOLD]) == 1
            )  # how many images have which part goes with the ratio
            keys = [key for key in keys if key not in TOLD and not (alone and key == 'data.split')]
        extra = ', '.join(
            [f'{key}={members[0].get(key, "not known")}' for key in keys] + _data_apart(members[0], twins)
        )
        labelled.append((f'{label} ({extra})' if extra else label, members))
    return labelled


def _data_apart(run: Run, twins: Sequence[List[Run]]) -> List[str]:
    """List what tells a run's data from those of rows that would be called the same."""
    own = recipe_of(run).only(DATA)
    others = [recipe_of(members[0]).only(DATA) for members in twins]
    names = {text.split(' against ')[0]: None for other in others for text in own.differences(other)}
    return list(names)


def _caption(which: str, found: Sequence[Run], with_published: bool) -> str:
    text = TITLES[which] + '.'
    if with_published and which != 'summary':
        text += f' Rows marked "{PUBLISHED}" are the numbers of the paper (arXiv 1811.01567), not measured here.'
    text += ' Measured: mean ± standard deviation over runs on the same data that differ in their seed alone.'
    reasons: List[str] = []
    for run in found:
        dataset = published.dataset_of(which) or run.get('data.name')
        reasons += [reason for reason in published.smaller_than_published(run, dataset) if reason not in reasons]
    if reasons:
        text += f' SMOKE SCALE ({"; ".join(reasons)}): '
        text += (
            'these numbers compare among themselves alone.'
            if which == 'summary'
            else 'the measured rows show that the pipeline runs, and do not compare with the published ones.'
        )
    return text

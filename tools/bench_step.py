"""Measure a step of the search: W step, λ step, first step, peak memory; beside the naive network and PyTorch where asked.

Each implementation runs in a process of its own. Times are seconds (medians), memory is the largest resident memory of the process
in GB. --naive measures the network with one operator an edge, --torch the same network in PyTorch; ratios are theirs to ours.
"""
import json
import sys

from dsonas.tools import cli
from dsonas.tools.timing import common

SHOWN = (('w_step', 'W step s'), ('lambda_step', 'λ step s'), ('w_step_processor', 'W CPU s'), ('lambda_step_processor', 'λ CPU s'),
         ('first', 'first step s'), ('rss_gb', 'peak GB'))


def arguments():
    """The command line."""
    parser = cli.parser(__doc__)
    common.add_space(parser)
    parser.add_argument('--naive', action='store_true', help='measure the network with one operator an edge too')
    parser.add_argument('--torch', action='store_true', help='measure the network in PyTorch too; passed over where there is none')
    parser.add_argument('--torch-python', default=sys.executable, metavar='PATH', help='the Python that has PyTorch')
    parser.add_argument('--profile', action='store_true', help='share of time by operator, too')
    parser.add_argument('--rounds', type=int, default=1, help='measure everything so often, in turn, and keep each one\'s fastest round')
    return parser


def report(options):
    """All that was asked for, as one dict."""
    task = common.task(options)
    kinds = ['fused'] + ['naive'] * options.naive + ['torch'] * options.torch
    rounds = {kind: [] for kind in kinds}
    for _ in range(max(1, options.rounds)):
        for kind in kinds:
            found = _measure(dict(task, implementation=kind), options)
            if found is None:
                print('no PyTorch in %s: passed over' % options.torch_python, file=sys.stderr)
                kinds.remove('torch')
                break
            rounds[kind].append(found)
    best = {kind: _best(found) for kind, found in rounds.items() if found}
    result = best.pop('fused')
    result['machine'] = common.machine(options.threads)
    result['settings'] = {key: value for key, value in task.items() if key not in ('implementation', 'architecture')}
    for kind, figures in best.items():
        figures['ratio'] = {key: figures[key] / result[key] for key, _ in SHOWN}
        figures['ratio']['step'] = ((figures['w_step'] + figures['lambda_step']) / (result['w_step'] + result['lambda_step']))
        result[kind] = figures
    if options.profile:
        profiled = common.measure(dict(task, profile=True, steps=1), MXNET_EXEC_BULK_EXEC_TRAIN='0')
        result['profile'] = profiled['profile']
    return result


def _measure(task, options):
    if task['implementation'] != 'torch':
        return common.measure(task)
    found = common.measure(task, options.torch_python, common.TORCH)
    return found if found else None


def _best(rounds):
    """The round with the fastest steps, but with the least of everything that was measured."""
    found = dict(min(rounds, key=lambda figures: figures['w_step'] + figures['lambda_step']))
    for key, _ in SHOWN:
        found[key] = min(figures[key] for figures in rounds)
    return found


def show(result):
    """The report as tables."""
    versions = dict(result['versions'], **result.get('torch', {}).get('versions', {}))
    common.show_machine(result['machine'], versions)
    print('%d weights, %d λ' % (result['weights'], result['gates']))
    print('%-8s' % '' + ''.join('%14s' % title for _, title in SHOWN) + '%14s' % 'ratio')
    for kind, figures in (('fused', result), ('naive', result.get('naive')), ('torch', result.get('torch'))):
        if figures:
            ratio = figures.get('ratio', {}).get('step', 1.0)
            print('%-8s' % kind + ''.join('%14.3f' % figures[key] for key, _ in SHOWN) + '%14.2f' % ratio)
    for kind, rows in result.get('profile', {}).items():
        print('\n%s step, by operator' % {'w': 'W', 'lambda': 'λ'}[kind])
        for row in rows[:20]:
            print('%6.1f %%  %8.1f ms  %6d calls  %s' % (100 * row['share'], 1e3 * row['seconds'], row['calls'], row['operator']))


def main(argv):
    """Run; the exit status is cli.run's."""
    options = arguments().parse_args(argv)
    result = report(options)
    if options.json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        show(result)


if __name__ == '__main__':
    sys.exit(cli.run(main))

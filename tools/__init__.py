"""Look at runs and use their networks. The scripts of this folder are run as files (`python tools/report.py RUN -o report.html`):

    a search and its networks        plot_blocks, plot_search, plot_flops, count_cost, report
    many runs                        make_tables, compare
    a trained network in use         export, predict
    data to learn from               prepare_cifar10, prepare_imagenet
    several machines                 launch
    speed                            bench_*

What they share is in folders: reading (run directories), drawing, tables, reporting, timing, exporting; naive_supernet.py is the supernet
with one operator an edge, to hold the fast one to.
A tool knows symbols (what a network is), data, and what a run left on disk; it knows nothing of training.
"""

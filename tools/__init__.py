"""Look at runs and use their networks. The scripts are run as files, or as commands of `dsonas`:

    a search and its networks        plot_blocks, plot_search, plot_flops, count_cost, report, rank_edges
    many runs                        make_tables, compare, consensus
    a trained network in use         export, predict
    the experiments of the paper     run_experiment
    data to learn from               prepare_cifar10, prepare_imagenet
    several machines                 launch
    a machine with GPUs              check_gpu
    speed                            bench_*

A script is a command line over the packages beside it, and imports no other script:

    reading                          run directories
    drawing                          pictures of architectures and numbers
    reporting                        what a run shows: curves, FLOPs, the HTML report
    tables                           many runs as tables, beside the published numbers
    recipes                          the experiments of the paper: their commands, run and resumed
    exporting                        ONNX and MXNet symbols, checked, with a model card
    using                            Predictor, a trained network as a function of images
    timing                           benchmarks
    selfcheck                        checks of a machine's devices, in processes of their own

A tool knows symbols (what a network is), data, and what a run left on disk, but not training.
"""

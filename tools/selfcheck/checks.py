"""What is checked, by name, in the order in which it is run."""

from typing import Dict

# Made by `python -m dsonas.train.selfcheck NAME`; a test holds the names to be those of its catalogue.
MODULE = 'dsonas.train.selfcheck'
LIBRARY: Dict[str, str] = {
    'device': 'every device computes, and values pass to and from it',
    'operators': 'each operation forward and backward, each kind of kernels, beside the CPU in double precision',
    'networks': 'supernets and derived networks, forward and backward, beside the CPU in double precision',
    'finite': 'numbers that are not finite are seen',
    'steps-search': 'W and lambda steps of a search, beside the same steps on the CPU',
    'steps-derived': 'training steps and test of a derived network, beside the CPU',
    'kvstore-local': 'gradients are summed over devices through the CPU; two devices follow one',
    'kvstore-device': 'gradients are summed over devices; two devices follow one',
    'kvstore-nccl': 'the same through NCCL',
    'sync-bn': 'batch norm over two devices is that of one with the whole batch',
    'float16': 'mixed precision trains, with losses near those in single precision',
    'memory': 'memory of a search, and that further steps take no more',
    'latency': 'operations are timed as the latency penalty does',
    'speed': 'images a second of a search',
    'speed-float16': 'the same in mixed precision',
}
COMMANDS: Dict[str, str] = {
    'run': 'search, resume, retrain, test, predict and export by their commands; test and prediction as on the CPU',
    'processes': 'a search by two processes on this machine',
}
ALL: Dict[str, str] = {**LIBRARY, **COMMANDS}
FAST_MATH = ('speed', 'speed-float16')  # measured as training runs; the others without TF32, whose rounding is coarser

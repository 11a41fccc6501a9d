"""The most that a configuration, a flag or a file may ask for.

Far above what has been trained, and far below what takes all memory or days before anything can be said about it: a value above is
taken for a slip of the finger, and refused in one line before memory or time is taken. Whether a network that is within them fits
into the machine at hand is another question, asked before a stage begins.
"""

from __future__ import annotations

# Of a search space. The largest of the paper: 4 levels of 4 operations, 13 blocks in a stage, 4 stages, 48 channels, 1000 classes.
LEVELS = 32
BLOCKS = 64  # in one stage
STAGES = 8
BLOCK_OPERATIONS = 128  # levels × operations of one block: 8,000 edges
OPERATIONS = 8192  # of all blocks together
GATES = 250_000  # λ of all blocks together
CHANNELS = 4096  # of the first stage
WIDTH = 1 << 14  # of any stage of a derived network
CLASSES = 100_000

# Of data and training.
SMALLEST_IMAGE, IMAGE_SIZE = 8, 4096  # pixels, the side of a square
PIXELS = 1_000_000_000_000  # of one image file
IMAGES = 1_000_000_000
BATCH = 1 << 17
EPOCHS = 100_000
RATIO = 1000  # W or λ iterations of one turn
PERIODS = 10_000  # of a learning rate that restarts
RATE = 1000.0  # learning rates, weight decay, γ
SEED = (1 << 63) - 1

# Of the machine.
DEVICES = 256  # of one process
GPU = 1023  # the largest number of one
PROCESSES = 1024  # threads or processes
PORT = 65_535
SECONDS = 30 * 86_400.0
GIGABYTES = 1e6

# Of text.
ENTRIES = 1000  # of a list
CHARACTERS = 4096  # of a name or a path

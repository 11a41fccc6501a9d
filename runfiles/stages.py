"""The names of a run's stages, in the order in which they happen."""

STAGES = ('pretrain', 'search', 'retrain')

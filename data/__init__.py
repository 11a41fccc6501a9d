"""Data: what the supernet and the derived network learn from.

Nothing here knows of networks, optimizers or the trainer; batches are numpy arrays.  Where a change belongs:

    a new data set              one entry in registry.py and one module in sources/ with `open_data(options) -> DataSet`
    options of every data set   dataset.py (Options); its folder where none is given: place.py
    order, shards, batches      dataset.py; random streams in streams.py; background work in prefetch.py
    W part and λ part           split.py
    augmentation of batches     augment.py (pad-crop, mirror, cutout); of single large images: crops.py
    bytes to pixels             decode.py (any image file becomes RGB)
    class folders               sources/scan.py finds them, sources/folder.py serves them
    RecordIO                    records/
    files kept between runs     cache.py
"""

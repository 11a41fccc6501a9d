"""Data sets: opening, splitting, augmenting and batching the images that networks are trained on.

Nothing here depends on networks, optimizers or the trainer; batches are numpy arrays. Where a change belongs:

    a new data set              one entry in registry.py and one module in sources/ with `open_data(options) -> DataSet`
    what lies in a folder       recognise.py
    options of every data set   dataset.py (Options); the default of its folder: place.py
    order, shards, batches      dataset.py; random streams in streams.py; background work in prefetch.py
    W part and λ part           split.py
    augmentation of batches     augment.py (pad-crop, mirror, cutout); of single large images: crops.py
    bytes to pixels             decode.py (any image file becomes RGB)
    class folders               sources/scan.py lists files (kinds.py: which), layout.py finds sets and classes (by
                                shapes.py and roles.py), index.py decodes once, folder.py is the data set
    arrays and .npz files       arrays.py checks, writes and reads them; sources/npz.py is the data set
    RecordIO                    records/
    files kept between runs     cache.py
"""

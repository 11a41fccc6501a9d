"""The data sets: one module each, with `open_data(options)` that returns a DataSet.

`digits` is generated; `cifar10` and `cifar100` read their archives (cifar*.py, archives.py, pickles.py), `imagenet` a folder of
records, `folder` class folders, which `scan` and `kinds` list, `layout` understands by `shapes`, `roles`, `classes` and `listed`, and
`index` decodes; `csv` reads a table of images and labels (csv_tables.py, csv_images.py). tables.py and labelled.py read tables and
lists for whoever has some, class_names.py lists of class names.
"""

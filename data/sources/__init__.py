"""The data sets: one module each, with `open_data(options)` that returns a DataSet.

`digits` is generated, `cifar10` reads its archive, `imagenet` a folder of records, `folder` class
folders, which `scan` and `kinds` list, `layout` understands by `shapes`, `roles` and `classes`, and `index` decodes.
"""

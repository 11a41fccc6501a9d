"""The data sets: one module each, with `open_data(options)` that returns a DataSet.

`digits` is generated, `cifar10` reads its archive, `imagenet` a folder of records, `folder` class
folders, which `scan` lists.
"""

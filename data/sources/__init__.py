"""Where images come from: one module a data set, with `open_data(options)` that returns a DataSet.

`digits` is made on the spot, `cifar10` reads its archive, `imagenet` a folder of records, `folder` class folders, which `scan` finds.
"""

"""RecordIO: folders of records, how they are made, checked and read.

- `ilsvrc.py`    the images and labels that ILSVRC's archives and folders hold
- `prepare.py`   divides, writes and checks a folder of records
- `writer.py`    writes one record file with its index
- `store.py`     opens a folder of records by its manifest
- `recordio.py`  reads single records, and passes over them
"""

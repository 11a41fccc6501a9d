"""RecordIO: folders of records, how they are made, checked and read.

- `ilsvrc.py`    lists the images and labels of ILSVRC's archives, or of class folders
- `truth.py`     says the classes of validation images: lists, ILSVRC's development kit (`matlab.py` reads its meta.mat)
- `prepare.py`   divides listed images and writes a folder of records
- `plan.py`      locks that folder and keeps what is to be written to it
- `writer.py`    writes one record file with its index
- `check.py`     decodes every record of a folder and writes its manifest
- `manifest.py`  checks what a manifest says; `names.py` finds class names beside records
- `store.py`     opens a folder of records by its manifest
- `recordio.py`  reads and writes single records
"""

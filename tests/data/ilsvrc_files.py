"""Writes small copies of ILSVRC2012 in the official layouts: class folders, tars, ground truth, development kit."""

import io
import tarfile

import numpy as np
from PIL import Image
from scipy.io import savemat

from .image_files import picture


def wnid(label):
    return 'n%08d' % (1440764 + 17 * label)


def jpeg(label, rng, height, width, mode='RGB', kind='JPEG'):
    out = io.BytesIO()
    Image.fromarray(picture(label, rng, height, width)).convert(mode).save(
        out, kind, quality=90
    ) if kind == 'JPEG' else Image.fromarray(picture(label, rng, height, width)).convert(mode).save(out, kind)
    return out.getvalue()


def images(classes, each, seed=0, corrupt=(), size=(30, 70)):
    """{class: [(name, bytes)]}: JPEGs of varied sizes, some grey, some CMYK, a PNG called JPEG; `corrupt` (class, number) damaged."""
    rng = np.random.RandomState(seed)
    found = {}
    for label in range(classes):
        files = []
        for i in range(each):
            kind = (label * each + i) % 11
            content = jpeg(
                label,
                rng,
                rng.randint(*size),
                rng.randint(*size),
                {3: 'L', 7: 'CMYK'}.get(kind, 'RGB'),
                'PNG' if kind == 5 else 'JPEG',
            )
            if (label, i) in corrupt:
                content = [content[: len(content) // 2], b'', b'<html>not found</html>'][i % 3]
            files.append(('%s_%d.JPEG' % (wnid(label), i + 1), content))
        found[wnid(label)] = files
    return found


def write_folders(root, found):
    for name, files in found.items():
        (root / name).mkdir(parents=True)
        for file, content in files:
            (root / name / file).write_bytes(content)
    return root


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def write_train_tar(root, found):
    path = root / 'ILSVRC2012_img_train.tar'
    path.write_bytes(tar_of([(name + '.tar', tar_of(files)) for name, files in found.items()]))
    return path


def flat(found, seed=1):
    """Validation names and contents in shuffled order: [(name, bytes)], and the class of each."""
    everything = [(name, content) for name, files in found.items() for _, content in files]
    order = np.random.RandomState(seed).permutation(len(everything))
    return [('ILSVRC2012_val_%08d.JPEG' % (i + 1), everything[j][1]) for i, j in enumerate(order)], [
        everything[j][0] for j in order
    ]


def write_devkit(root, names, truth):
    """ILSVRC2012_devkit_t12.tar.gz: ILSVRC IDs are in another order than the sorted WNIDs, and synsets above 1,000 come too."""
    ids = {name: number for number, name in enumerate(reversed(list(names)), 1)}
    records = [(number, name) for name, number in ids.items()] + [(len(ids) + 1, 'n99999999')]
    synsets = np.zeros((len(records), 1), dtype=[('ILSVRC2012_ID', object), ('WNID', object), ('words', object)])
    for row, (number, name) in zip(synsets[:, 0], records):
        row['ILSVRC2012_ID'], row['WNID'], row['words'] = np.array([[number]], np.uint16), name, 'some words'
    meta = io.BytesIO()
    savemat(meta, {'synsets': synsets})
    content = '\n'.join(str(ids[name]) for name in truth) + '\n'
    path = root / 'ILSVRC2012_devkit_t12.tar.gz'
    with tarfile.open(str(path), 'w:gz') as archive:
        for name, data in (('meta.mat', meta.getvalue()), ('ILSVRC2012_validation_ground_truth.txt', content.encode())):
            member = tarfile.TarInfo('ILSVRC2012_devkit_t12/data/' + name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path

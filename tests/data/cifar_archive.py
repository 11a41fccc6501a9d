"""Writes CIFAR-10 and CIFAR-100 archives in the two official formats, small, with a pattern for each class."""

import io
import pickle
import tarfile
import zipfile

import numpy as np

CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
BATCHES = ['data_batch_%d' % i for i in range(1, 6)] + ['test_batch']


def images(count, seed):
    """uint8 (count, 3072) and labels: noise around a colour and a stripe that tell the class."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 10
    rng.shuffle(labels)
    pixels = rng.randint(0, 60, (count, 3, 32, 32))
    for image, label in zip(pixels, labels):
        image[label % 3] += 120
        image[:, 3 * label : 3 * label + 3] += 70
    return pixels.reshape(count, -1).astype(np.uint8), labels


def files(version, count=20):
    """{file name: content} of an archive with `count` records a batch."""
    contents = {}
    for seed, name in enumerate(BATCHES):
        pixels, labels = images(count, seed)
        if version == 'binary':
            contents[name + '.bin'] = np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()
        else:  # as the official files: protocol 2, keys and names are byte strings
            contents[name] = pickle.dumps(
                {
                    b'batch_label': b'batch',
                    b'labels': [int(label) for label in labels],
                    b'data': pixels,
                    b'filenames': [b'image_%d.png' % i for i in range(count)],
                },
                protocol=2,
            )
    if version == 'binary':
        contents['batches.meta.txt'] = ('\n'.join(CLASSES) + '\n\n').encode()
    else:
        contents['batches.meta'] = pickle.dumps(
            {b'num_cases_per_batch': count, b'label_names': [name.encode() for name in CLASSES], b'num_vis': 3072},
            protocol=2,
        )
    return contents


def write(folder, version, count=20, extracted=False, change=None):
    """The archive (or the extracted folder) in `folder`; change(contents) may damage it first.  Returns its path."""
    contents = files(version, count)
    if change:
        change(contents)
    inner = {'binary': 'cifar-10-batches-bin', 'python': 'cifar-10-batches-py'}[version]
    if extracted:
        path = folder / inner
        path.mkdir(parents=True)
        for name, content in contents.items():
            (path / name).write_bytes(content)
        return path
    path = folder / ('cifar-10-%s.tar.gz' % version)
    with tarfile.open(str(path), 'w:gz') as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(inner + '/' + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


FINE = ['fine%02d' % i for i in range(100)]
COARSE = ['coarse%02d' % i for i in range(20)]


def coarse(labels):
    """The coarse label of each fine one: not its fifth part, so that the two cannot be mixed up."""
    return (np.asarray(labels) * 7 + 3) % 20


def files100(version, count=200):
    """{file name: content} of CIFAR-100 with `count` training and half as many test records."""
    contents = {}
    for seed, name in enumerate(('train', 'test')):
        pixels, _ = images(count // (seed + 1), seed)
        labels = np.arange(len(pixels)) * 3 % 100
        if version == 'binary':
            columns = [coarse(labels)[:, None].astype(np.uint8), labels[:, None].astype(np.uint8), pixels]
            contents[name + '.bin'] = np.concatenate(columns, axis=1).tobytes()
        else:
            batch = {b'data': pixels, b'fine_labels': labels.tolist(), b'coarse_labels': coarse(labels).tolist()}
            contents[name] = pickle.dumps(batch, protocol=2)
    if version == 'binary':
        contents['fine_label_names.txt'] = ('\n'.join(FINE) + '\n').encode()
        contents['coarse_label_names.txt'] = ('\n'.join(COARSE) + '\n').encode()
    else:
        names = {b'fine_label_names': [n.encode() for n in FINE], b'coarse_label_names': [n.encode() for n in COARSE]}
        contents['meta'] = pickle.dumps(names, protocol=2)
    return contents


def pack(path, contents, inner='', how='w:gz'):
    """An archive of the contents in its folder `inner`; how: a mode of tarfile, or 'zip'.  Returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == 'zip':
        with zipfile.ZipFile(str(path), 'w', zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(inner + name, content)
        return path
    with tarfile.open(str(path), how) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(inner + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def unpack(folder, contents):
    """The contents as files of a folder.  Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder

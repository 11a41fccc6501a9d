"""Class folders: ROOT/<class>/**/image files.  Hidden files and folders and files of other kinds are passed over."""

import os

from ...base.errors import UserError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.gif', '.webp', '.tif', '.tiff', '.ppm', '.pgm', '.jp2')


def _hidden(name):
    return name.startswith('.') or name == '__MACOSX'


def folders(root):
    """Names of the folders in root that are not hidden, sorted."""
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not _hidden(entry.name))
    except OSError as error:
        raise UserError('%s: %s' % (root, error.strerror or error)) from error


def images(folder):
    """Paths, relative to folder, of all image files in it at any depth, sorted."""
    found = []
    for path, below, names in os.walk(folder):
        below[:] = [name for name in below if not _hidden(name)]
        found += [
            os.path.relpath(os.path.join(path, name), folder)
            for name in names
            if not _hidden(name) and name.lower().endswith(SUFFIXES)
        ]
    return sorted(found)


def class_folders(root, classes=None):
    """(classes, paths, labels) of a tree of class folders; paths are relative to root.

    classes: the names that are allowed and their order (default: the folders that there are, sorted).  UserError for an
    empty class, for one class only, and for a folder that is none of the classes.
    """
    names = folders(root)
    if classes is None:
        if len(names) < 2:
            raise UserError(
                '%s: %s; expected a folder of images for each of at least two classes'
                % (root, 'one class only (%s)' % names[0] if names else 'no class folders')
            )
        classes = names
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise UserError(
            '%s: folder %s is none of the %d classes: %s'
            % (root, unknown[0], len(classes), ', '.join(list(classes)[:10]) + (', ...' if len(classes) > 10 else ''))
        )
    paths, labels = [], []
    for name in names:
        found = images(os.path.join(root, name))
        if not found:
            raise UserError('%s: class %s has no images (%s)' % (root, name, ' '.join(SUFFIXES)))
        paths += [os.path.join(name, path) for path in found]
        labels += [classes.index(name)] * len(found)
    return tuple(classes), paths, labels

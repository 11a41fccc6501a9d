"""Listing class folders: ROOT/<class>/**/image files, without hidden files and folders and other kinds of files."""

import os
from typing import List, Optional, Sequence, Tuple

from ...base.errors import UserError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.gif', '.webp', '.tif', '.tiff', '.ppm', '.pgm', '.jp2')


def _hidden(name: str) -> bool:
    return name.startswith('.') or name == '__MACOSX'


def folders(root: str) -> List[str]:
    """List the names of the folders in root that are not hidden, sorted. Raises UserError if root cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not _hidden(entry.name))
    except OSError as error:
        raise UserError(f'{root}: {error.strerror or error}') from error


def images(folder: str) -> List[str]:
    """List the image files in a folder at any depth: paths relative to it, sorted."""
    found = []
    for path, below, names in os.walk(folder):
        below[:] = [name for name in below if not _hidden(name)]
        found += [
            os.path.relpath(os.path.join(path, name), folder)
            for name in names
            if not _hidden(name) and name.lower().endswith(SUFFIXES)
        ]
    return sorted(found)


def class_folders(root: str, classes: Optional[Sequence[str]] = None) -> Tuple[Tuple[str, ...], List[str], List[int]]:
    """List a tree of class folders: (classes, paths, labels), the paths relative to root.

    classes: the names that are allowed and their order (default: the folders in root, sorted). Raises UserError
    for an empty class, for a single class, and for a folder that is none of the classes.
    """
    names = folders(root)
    if classes is None:
        if len(names) < 2:
            what = f'one class only ({names[0]})' if names else 'no class folders'
            raise UserError(f'{root}: {what}; expected a folder of images for each of at least two classes')
        classes = names
    unknown = [name for name in names if name not in classes]
    if unknown:
        known = ', '.join(list(classes)[:10]) + (', ...' if len(classes) > 10 else '')
        raise UserError(f'{root}: folder {unknown[0]} is none of the {len(classes)} classes: {known}')
    paths: List[str] = []
    labels: List[int] = []
    for name in names:
        found = images(os.path.join(root, name))
        if not found:
            raise UserError(f'{root}: class {name} has no images ({" ".join(SUFFIXES)})')
        paths += [os.path.join(name, path) for path in found]
        labels += [classes.index(name)] * len(found)
    return tuple(classes), paths, labels

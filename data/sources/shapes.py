"""What a folder is by what it holds: a set with class folders, a wrapper of another folder, a copy of the folders beside it."""

from typing import Dict, List, Optional, Sequence

from . import roles, scan
from .classes import key
from .scan import Folder


def is_set(folder: Folder) -> bool:
    """Tell whether a folder has folders with images, as a labelled set has."""
    return bool(folder.filled())


def wrapped(folder: Folder, known: Sequence[str] = ()) -> Optional[Folder]:
    """Return the folder that `folder` merely wraps: the only one with images, which lie in folders of its own."""
    filled = folder.filled()
    if len(filled) == 1 and is_set(filled[0]) and not filled[0].files and key(filled[0].name) not in known:
        return filled[0]
    return None


def unwrapped(folder: Folder, known: Sequence[str] = ()) -> List[Folder]:
    """List the folders from `folder` to the one that it wraps, which holds the class folders. known: keys of classes."""
    chain = [folder]
    inner = wrapped(folder, known)
    while inner is not None:
        chain.append(inner)
        inner = wrapped(inner, known)
    return chain


def is_split(folder: Folder, siblings: Sequence[Folder], found: Dict[str, str]) -> bool:
    """Tell a training set from a class called train with folders within it, beside other classes."""
    if not is_set(folder):
        return False
    alone = all(roles.role(sibling.name) or sibling.name in found for sibling in siblings)
    return alone or (not folder.files and len(unwrapped(folder)[-1].filled()) > 1)


def is_labelled(folder: Folder, classes: Sequence[str]) -> bool:
    """Tell a set with class folders from one whose images lie in it, or all in one folder whose name says nothing."""
    filled = unwrapped(folder, classes)[-1].filled()
    if len(filled) == 1 and key(filled[0].name) not in classes:
        name = filled[0].name
        return not (roles.role(name) or roles.parted(name) or roles.says_nothing(name) or name == folder.name)
    return bool(filled)


def copy_of_others(filled: Sequence[Folder], parts: Sequence[Folder]) -> Optional[Folder]:
    """Return the one among class folders that holds folders of all the other classes again, as some archives do."""
    for folder in filled:
        others = {key(inner.name) for inner in filled if inner is not folder}
        if len(others) > 1 and folder not in parts and not folder.files:
            if {key(inner.name) for inner in unwrapped(folder, list(others))[-1].filled()} == others:
                return folder
    return None


def same_inside(filled: Sequence[Folder]) -> List[str]:
    """Say that classes hold the same folders, which may be what was meant for the classes."""
    insides = [unwrapped(folder)[-1].filled() for folder in filled if not folder.files]
    inside = [{key(inner.name) for inner in folders} for folders in insides]
    if len(filled) < 2 or len(inside) < len(filled):
        return []
    shared = set.intersection(*inside)
    if len(shared) < 2 or 2 * len(shared) < len(set.union(*inside)):
        return []
    names = scan.shown([inner.name for inner in insides[0]], len(insides[0]))
    if roles.kinds_of_files([inner.name for inner in insides[0]]):
        return [f'each class has the same folders ({names}), and the images of all of them are used']
    return [
        f'each class has the same folders ({names}): if these are the classes, give one of the folders that hold them'
    ]


def count(*folders: Folder) -> str:
    """Write how many images folders hold."""
    total = sum(folder.total for folder in folders)
    return f'{total} image{"" if total == 1 else "s"}'

"""Names of split folders, as people write them: train, Training, training_set, seg_train, TestImages, val2017, dataset-dev."""

import re
from typing import Dict, Optional, Sequence, Tuple

TRAIN, VAL, TEST = 'train', 'val', 'test'
LONGEST = 40  # letters and digits of such a name

_ROLES = {
    TRAIN: r'train(?:ing|ings)?|trn|train(?:ing)?(?:and)?(?:val(?:id(?:ation)?)?|dev)',
    VAL: r'val(?:id(?:ate|ation)?)?|dev(?:el(?:op(?:ment)?)?)?|eval(?:uat(?:e|ion))?',
    TEST: r'test(?:ing|s)?|tst|heldout|holdout',
}
# What stands around them without meaning.
_AROUND = (
    r'(?:the|my|all|full|new|final|data|dataset|datasets|set|sets|split|splits|part|folder|dir|images?|imgs?|pics?|pictures?|'
    r'photos?|samples?|examples?|seg|cls|class(?:es|ification)?|labell?ed|crop(?:s|ped)?|resized?|raw|original|small|files?|\d)*'
)
_WHOLE = {part: re.compile(f'{_AROUND}(?:{words}){_AROUND}') for part, words in _ROLES.items()}
_WORD = {part: re.compile(words) for part, words in _ROLES.items()}
_ANY = re.compile(f'{_AROUND}(?:unknown|unlabell?ed|){_AROUND}')
# What folders of files are called after their kind and not after a class: images_001, masks, JPEGImages, Annotations.
_KINDS = re.compile(
    r'(?:jpe?g|png)?(?:data|images?|imgs?|pics?|pictures?|photos?|files?|masks?|labels?|annotations?|annots?|trimaps?|xmls?|jpe?gs?|'
    r'pngs?|segmentations?|groundtruths?|bbox(?:es)?|imagesets?)'
)
_PARTS = re.compile(r'part|parts|batch|fold|chunk|shard|set|split|folder|dir|class|object|all|ground|truth|new|raw')
_WORDS = re.compile(r'[^\W\d_]+|\d+')
_CAMEL = re.compile(r'(?<=[a-z])(?=[A-Z])')


def role(name: str) -> Optional[str]:
    """Return the set that a folder's whole name means: TRAIN, VAL, TEST or None."""
    joined = ''.join(_WORDS.findall(name.casefold()))
    if len(joined) > LONGEST:
        return None
    return next((part for part, pattern in _WHOLE.items() if pattern.fullmatch(joined)), None)


def says_nothing(name: str) -> bool:
    """Tell whether a folder's name could be that of any images, as 'images' or 'unlabelled', and of no class."""
    joined = ''.join(_WORDS.findall(name.casefold()))
    return len(joined) <= LONGEST and bool(_ANY.fullmatch(joined))


def kinds_of_files(names: Sequence[str]) -> bool:
    """Tell whether the names of folders are all those of kinds or parts of files, and of no class.

    So are images and masks, or cells_images_1 and cells_images_2: words that all names share say nothing of a class.
    """
    words = [{word.casefold() for word in re.findall(r'[^\W\d_]+', _CAMEL.sub(' ', name))} for name in names]
    shared = set.intersection(*words) if len(words) > 1 else set()
    return bool(words) and all(
        any(map(_KINDS.fullmatch, own))
        and all(word in shared or _KINDS.fullmatch(word) or _PARTS.fullmatch(word) for word in own)
        for own in words
    )


def parted(name: str) -> Optional[Tuple[str, str]]:
    """Divide a name that begins or ends with a set's: 'cats_train' and 'cats-train-set' are (TRAIN, 'cats'). None for others."""
    words = [word.casefold() for word in _WORDS.findall(_CAMEL.sub(' ', name))]
    while len(words) > 1 and says_nothing(words[-1]):
        del words[-1]
    while len(words) > 1 and says_nothing(words[0]):
        del words[0]
    for at in (0, -1) if len(words) > 1 else ():
        for part, pattern in _WORD.items():
            if pattern.fullmatch(words[at]):
                return part, ' '.join(words[1:] if at == 0 else words[:-1])
    return None


def meant(name: str) -> Optional[str]:
    """Return the set that a whole name means, or else its beginning or end: TRAIN, VAL, TEST or None."""
    return role(name) or (parted(name) or (None,))[0]


def of_siblings(names: Sequence[str]) -> Dict[str, str]:
    """Return the sets that folders beside each other mean, by name: by their whole names, else by what they differ in.

    The latter needs a training and another set, of the same name otherwise (cats_train and cats_val) or of a name that
    is a set's as a whole (cats_train and test).
    """
    found = {name: part for name, part in ((name, role(name)) for name in names) if part}
    divided = {name: pair for name, pair in ((name, parted(name)) for name in names) if pair and name not in found}
    if not found:
        by_rest: Dict[str, Dict[str, str]] = {}
        for name, (part, rest) in divided.items():
            by_rest.setdefault(rest, {})[name] = part
        pairs = [parts for parts in by_rest.values() if TRAIN in parts.values() and len(set(parts.values())) > 1]
        return pairs[0] if pairs else {}
    lacking = {TRAIN, VAL, TEST} - set(found.values())
    wanted = lacking & ({VAL, TEST} if TRAIN in found.values() else {TRAIN})
    return {**found, **{name: part for name, (part, _) in divided.items() if part in wanted}}


def all_splits(names: Sequence[str]) -> bool:
    """Tell whether names are all of sets, of two at least, and differ in nothing else for some of them."""
    divided = [parted(name) for name in names]
    pairs = [pair for pair in divided if pair]
    rests = [rest for _, rest in pairs]
    return (
        len(names) > 1
        and len(pairs) == len(names)
        and any(len({part for part, other in pairs if other == rest}) > 1 for rest in rests)
    )

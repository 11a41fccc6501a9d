"""Names of a fixed set as an enumeration whose members are texts."""

from enum import Enum


class Name(str, Enum):
    """Base of enumerations of names: a member equals its text, also as a key, in JSON and in messages."""

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]

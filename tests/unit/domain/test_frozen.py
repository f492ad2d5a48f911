"""Value objects behave as the standard library's frozen dataclasses do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen
class Ours:
    """A point with a name."""

    x: int
    y: int = 0
    names: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Theirs:
    """The same."""

    x: int
    y: int = 0
    names: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)


@frozen(kw_only=True)
class Named(Ours):
    """A point that has one more field, which must be named."""

    unit: str


MADE: dict[str, Callable[[Any], Any]] = {
    "positional": lambda cls: cls(1, 2, ["a"]),
    "named": lambda cls: cls(y=2, x=1),
    "replaced": lambda cls: replace(cls(1), y=5),
    "copied": lambda cls: copy.deepcopy(cls(1, names=["a"])),
    "pickled": lambda cls: pickle.loads(pickle.dumps(cls(1, 2))),
}
WRONG: dict[str, Callable[[Any], Any]] = {
    "missing": lambda cls: cls(),
    "unknown": lambda cls: cls(1, z=3),
    "twice": lambda cls: cls(1, x=1),
    "too many": lambda cls: cls(1, 2, [], "", 5),
}


@pytest.mark.parametrize("way", MADE)
def test_an_object_has_the_same_content(way: str) -> None:
    """However it is made; what must not be shown is not shown."""
    ours, theirs = MADE[way](Ours), MADE[way](Theirs)
    assert asdict(theirs) == asdict(ours)
    assert repr(theirs).replace("Theirs", "Ours") == repr(ours)


@pytest.mark.parametrize("way", WRONG)
def test_wrong_arguments_are_refused(way: str) -> None:
    """Nothing is left out or made up."""
    for cls in (Ours, Theirs):
        with pytest.raises(TypeError):
            WRONG[way](cls)


def test_an_object_never_changes() -> None:
    """No field can be assigned, deleted or added."""
    one: Any = Ours(1)
    with pytest.raises(FrozenInstanceError):
        one.x = 2
    with pytest.raises(FrozenInstanceError):
        one.z = 2
    with pytest.raises(FrozenInstanceError):
        del one.x
    assert not hasattr(one, "__dict__")


def test_objects_are_equal_by_content_and_class() -> None:
    """So they can be compared, and be keys."""
    assert Ours(1) == Ours(1, 0)
    assert Ours(1) != Ours(2)
    other: Any = Theirs(1)
    assert other != Ours(1)
    assert hash((1, 2)) == hash(Pair(1, 2))


def test_each_object_has_a_default_of_its_own() -> None:
    """A list that one object has is no other's."""
    Ours(1).names.append("a")
    assert [] == Ours(1).names


def test_a_subclass_has_all_fields() -> None:
    """Its own, too, are frozen, and match by position except for those that must be named."""
    one = Named(1, 2, unit="px")
    assert ["x", "y", "names", "secret", "unit"] == [found.name for found in fields(one)]
    match one:
        case Ours(x, y):
            assert (1, 2) == (x, y)
    cls: Any = Named
    with pytest.raises(TypeError):
        cls(1, 2, [], "", "px")


@frozen
class Pair:
    """Two whole numbers, the smaller one first."""

    a: int
    b: int

    def __post_init__(self) -> None:
        """Check the order."""
        if self.a > self.b:
            raise ValueError(self.a)

    def __repr__(self) -> str:
        """Show less."""
        return "Pair"


def test_a_class_has_methods_of_its_own() -> None:
    """One that checks a new object, and one that hides what it has."""
    with pytest.raises(ValueError, match="2"):
        Pair(2, 1)
    assert "Pair" == repr(Pair(1, 2))

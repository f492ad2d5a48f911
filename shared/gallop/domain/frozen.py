"""Value objects: frozen dataclasses that are quick to define.

``@dataclass(frozen=True)`` compiles six methods for each class. For the classes that a function imports, this takes a
tenth of its start; here, all classes have the same methods.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class what ``@dataclass(frozen=True, slots=True)`` makes it."""

    def made(cls: type[T]) -> type[T]:
        for name, method in _METHODS.items():
            if name not in vars(cls):
                setattr(cls, name, method)
        return dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)

    return made if cls is None else made(cls)


def _init(self: Any, /, *positional: object, **named: object) -> None:  # noqa: ANN401 - any value object
    cls = type(self)
    given = dict(zip(cls.__match_args__, positional, strict=False))
    if len(given) < len(positional) or given.keys() & named.keys():
        raise TypeError(f"{cls.__name__}: too many positional arguments")
    given |= named
    for name, one in cls.__dataclass_fields__.items():
        if name in given:
            content = given.pop(name)
        elif one.default is not MISSING:
            content = one.default
        elif one.default_factory is not MISSING:
            content = one.default_factory()
        else:
            raise TypeError(f"{cls.__name__}: the argument {name!r} is missing")
        object.__setattr__(self, name, content)
    if given:
        raise TypeError(f"{cls.__name__}: unknown arguments {', '.join(given)}")
    if check := getattr(self, "__post_init__", None):
        check()


def _repr(self: Any) -> str:  # noqa: ANN401 - as above
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _content(self: Any) -> tuple[object, ...]:  # noqa: ANN401 - as above
    return tuple([getattr(self, name) for name in type(self).__dataclass_fields__])


def _eq(self: object, other: object) -> bool:
    return _content(self) == _content(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash(_content(self))


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__name__}: {name!r} cannot be changed")


def _set_content(self: Any, content: tuple[object, ...]) -> None:  # noqa: ANN401 - as above
    for name, one in zip(type(self).__dataclass_fields__, content, strict=True):
        object.__setattr__(self, name, one)


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__getstate__": _content,
    "__setstate__": _set_content,
}

"""A frozen record that is cheap to define: dataclasses cost about a millisecond each to import."""

from __future__ import annotations

from typing import Any, Self, dataclass_transform


def _initializer(cls: RecordType) -> Any:
    """Write and compile `__init__` for *cls*: keyword-only, with its defaults."""
    arguments = ", ".join(
        f"{n}=_d[{n!r}]" if n in cls.__record_defaults__ else n for n in cls.__record_fields__
    )
    body = "\n".join(f"    _set(self, {n!r}, {n})" for n in cls.__record_fields__) or "    pass"
    source = f"def __init__(self, *, {arguments}):\n{body}" if arguments else f"def __init__(self):\n{body}"
    scope: dict[str, Any] = {"_set": object.__setattr__, "_d": cls.__record_defaults__}
    exec(source, scope)  # noqa: S102 - the text is made of this class's own field names
    return scope["__init__"]


def _first_init(self: Record, **values: Any) -> None:
    """Compile the class's own `__init__`, then make this value with it."""
    cls = type(self)
    cls.__init__ = _initializer(cls)  # type: ignore[method-assign]
    cls.__init__(self, **values)


def _annotated(namespace: dict[str, Any]) -> tuple[str, ...]:
    """Name what a class body annotates; since Python 3.14 only text is kept there, the rest is asked for."""
    asked = namespace.get("__annotate_func__")
    return tuple(asked(1) if asked else namespace.get("__annotations__", ()))


@dataclass_transform(kw_only_default=True, frozen_default=True)
class RecordType(type):
    """Turns annotated names into slots; `__init__` is compiled when the first value is made."""

    __record_fields__: tuple[str, ...]
    __record_defaults__: dict[str, object]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> RecordType:
        """Make the class: slots for the annotated names, defaults kept apart."""
        own = _annotated(namespace)
        defaults = {field: namespace.pop(field) for field in own if field in namespace}
        namespace["__slots__"] = own
        namespace.setdefault("__init__", _first_init)  # else a child would take its parent's compiled one
        cls = super().__new__(mcs, name, bases, namespace)
        parents = [base for base in bases if isinstance(base, RecordType)]
        cls.__record_fields__ = tuple(f for base in parents for f in base.__record_fields__) + own
        cls.__record_defaults__ = {
            k: v for base in parents for k, v in base.__record_defaults__.items()
        } | defaults
        return cls


class Record(metaclass=RecordType):
    """An immutable value with named fields; `replace` makes a changed copy."""

    def __init__(self, **values: Any) -> None:
        _first_init(self, **values)

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"{type(self).__name__} is immutable; use replace({name}=...)"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name; nested records stay records."""
        return {name: getattr(self, name) for name in type(self).__record_fields__}

    def replace(self, **changes: Any) -> Self:
        """Return the same record with *changes*."""
        return type(self)(**(self.as_dict() | changes))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.as_dict().values())))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({fields})"


def plain(value: Any) -> Any:
    """Turn records into dicts and tuples into lists, all the way down, ready for JSON."""
    if isinstance(value, Record):
        return {name: plain(item) for name, item in value.as_dict().items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value

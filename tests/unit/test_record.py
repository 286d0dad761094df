"""Records: immutable values with named fields, the base of everything the program knows."""

import pytest

from llmpool.core.record import Record


class Point(Record):
    """A record with one field that has a default."""

    x: int
    y: int = 0


class Named(Point):
    """A record that inherits fields and adds one."""

    name: str = "origin"


class Nothing(Record):
    """A record without fields."""


class Shape(Record):
    """A record that holds another, and knows something of itself."""

    corner: Point
    tags: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """Where the shape begins."""
        return self.corner.x


def test_fields_are_given_by_name() -> None:
    """A record has the fields it was made with, and the defaults of the rest."""
    assert (Point(x=1).x, Point(x=1).y) == (1, 0)
    assert (Point(y=2, x=1).x, Point(y=2, x=1).y) == (1, 2)


def test_a_missing_field_is_an_error_that_names_it() -> None:
    """A field without a default must be given, from the first value made."""
    with pytest.raises(TypeError, match="'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'corner'"):
        Shape()  # type: ignore[call-arg]


def test_an_unknown_field_is_an_error_that_names_it() -> None:
    """A record takes no field it does not have."""
    with pytest.raises(TypeError, match="'z'"):
        Point(x=1, z=3)  # type: ignore[call-arg]


def test_fields_are_not_positional() -> None:
    """Fields cannot be given by position, so their order may change."""
    with pytest.raises(TypeError, match="positional"):
        Point(1, 2)  # type: ignore[call-arg]


def test_inherited_fields_and_defaults_come_along() -> None:
    """A record has its parent's fields first, with their defaults, then its own."""
    made = Named(x=3)
    assert made.as_dict() == {"x": 3, "y": 0, "name": "origin"}
    assert list(made.as_dict()) == ["x", "y", "name"]


def test_a_child_does_not_change_its_parent() -> None:
    """Making a child first leaves the parent's own `__init__` as it was."""
    Named(x=1, name="a")
    with pytest.raises(TypeError):
        Point(x=1, name="a")  # type: ignore[call-arg]


def test_a_record_without_fields_can_be_made() -> None:
    """A record need not have fields, and all such values are equal."""
    assert Nothing() == Nothing()
    assert Nothing().as_dict() == {}


def test_records_do_not_change() -> None:
    """A field is never set or deleted, and the error says what to do instead."""
    made = Point(x=1)
    with pytest.raises(AttributeError, match=r"immutable; use replace\(x="):
        made.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        del made.x
    assert made.x == 1


def test_records_take_no_new_attributes() -> None:
    """A name that is no field cannot be set, and no record carries a dictionary."""
    made = Named(x=1)
    with pytest.raises(AttributeError):
        made.other = 1
    assert not hasattr(made, "__dict__")


def test_replace_makes_a_changed_copy() -> None:
    """The copy has the change and the same type; the original stays."""
    made = Named(x=1, y=2)
    changed = made.replace(y=5)
    assert (Named(x=1, y=5), 2) == (changed, made.y)
    assert Named is type(changed)


def test_replace_refuses_an_unknown_field() -> None:
    """A copy cannot gain a field either."""
    with pytest.raises(TypeError, match="'z'"):
        Point(x=1).replace(z=1)


def test_equal_means_same_type_and_same_fields() -> None:
    """Records are equal by type and value; a parent is not its child."""
    assert Point(x=1) == Point(x=1, y=0)
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Named(x=1)
    assert Point(x=1) != {"x": 1, "y": 0}


def test_equal_records_have_equal_hashes() -> None:
    """Records may be members of sets and keys of dictionaries."""
    assert len({Shape(corner=Point(x=1)), Shape(corner=Point(x=1), tags=())}) == 1


def test_a_record_shows_its_fields() -> None:
    """The repr reads as the call that makes the value."""
    assert repr(Shape(corner=Point(x=1), tags=("a",))) == "Shape(corner=Point(x=1, y=0), tags=('a',))"


def test_as_dict_keeps_nested_records() -> None:
    """Fields come out by name; a nested record stays a record."""
    assert Point(x=1) == Shape(corner=Point(x=1)).as_dict()["corner"]


def test_a_record_may_compute() -> None:
    """Properties work beside fields."""
    assert Shape(corner=Point(x=4)).left == 4


def test_defaults_live_on_the_record_not_the_class() -> None:
    """A field's name on the class is its slot, so that a default cannot be mistaken for a value."""
    assert not isinstance(Point.y, int)


def test_a_field_named_like_a_local_of_init_is_an_ordinary_field() -> None:
    """Field names do not clash with the few names the compiled `__init__` uses itself."""

    class Odd(Record):
        """A record with a field named as a builtin."""

        type: str
        values: int = 3

    assert (Odd(type="t").type, Odd(type="t").values) == ("t", 3)

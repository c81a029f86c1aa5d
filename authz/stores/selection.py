"""From which side a filter is searched, and in which order its tuples are paged."""

from collections.abc import Collection

KEY_COLUMNS = ("object_type", "object_id", "relation", "user_type", "user_id", "user_relation")
_USER_FIRST = ("user_type", "user_id", "user_relation", "relation", "object_type", "object_id")


def order_of(given: Collection[str]) -> tuple[str, ...]:
    """Return the order in which a selection is paged: the object's side first, or the user's."""
    return _USER_FIRST if from_user(given) else KEY_COLUMNS


def from_user(given: Collection[str]) -> bool:
    """Whether the user's side is the narrower one."""
    return "object_type" not in given or ("user_id" in given and "object_id" not in given)

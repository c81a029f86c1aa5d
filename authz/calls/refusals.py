"""What only the API refuses: stores, pages, fields. Codes and numbers are OpenFGA's."""

from authz.errors import AuthzError


class StoreNotFound(AuthzError):
    """There is no store of that id, or it was deleted."""

    code = "store_id_not_found"
    number = 5002


class Forbidden(AuthzError):
    """What the application around the API does not let its callers do."""

    code = "forbidden"
    number = 1600


class InvalidContinuation(AuthzError):
    """A continuation token that this call did not give out for this store and selection."""

    code = "invalid_continuation_token"
    number = 2007


class ContinuationOfAnotherType(AuthzError):
    """A token of the changes of one type, sent with another type."""

    code = "query_string_type_continuation_token_mismatch"
    number = 2052


class NothingToWrite(AuthzError):
    """A write without a tuple to write and without one to delete."""

    code = "invalid_write_input"
    number = 2003


class BehindToken(AuthzError):
    """The database is behind what the caller has seen: it was put back from a backup."""

    code = "Aborted"
    number = 10


class TooMuch(AuthzError):
    """More of something in one call than the limit."""

    code = "exceeded_entity_limit"
    number = 2053

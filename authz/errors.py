"""Engine errors: what OpenFGA calls them and the number its conformance suite expects.

Each error carries `code` (the wire text of the OpenFGA API) and `number` (its gRPC code). A
message names types, relations, objects and users, never a secret.
"""


class AuthzError(Exception):
    """Anything that the relationship engine refuses. A decision made from one is a denial."""

    code: str = "internal_error"
    number: int = 4000


class CheckError(AuthzError):
    """A query that cannot be answered: malformed, a condition without its parameters, too deep."""

    code = "validation_error"
    number = 2000


class MalformedType(CheckError):
    """The type of a listing is no name at all."""

    code = "type_invalid_pattern"
    number = 2047


class TypeNotFound(CheckError):
    """The object or user names a type that the model does not define."""

    code = "type_not_found"
    number = 2021


class RelationNotFound(CheckError):
    """The relation is not defined on the object's type."""

    code = "relation_not_found"
    number = 2022


class ResolutionTooComplex(CheckError):
    """The answer lies deeper or wider than the limits of the engine (`engine.limits`)."""

    code = "authorization_model_resolution_too_complex"
    number = 2002


class ConditionFailed(CheckError):
    """A condition could not be evaluated: a parameter is absent or has another type."""


class ModelNotFound(CheckError):
    """The store has no authorization model yet."""

    code = "latest_authorization_model_not_found"
    number = 2020


class UnknownModel(CheckError):
    """The store has no authorization model of that id."""

    code = "authorization_model_not_found"
    number = 2001


class WriteError(AuthzError):
    """A write that was refused as a whole; nothing of it is stored."""

    code = "validation_error"
    number = 2000


class InvalidTuple(WriteError):
    """A tuple that the model does not admit; with this number, one that a request brought."""

    code = "invalid_tuple"
    number = 2027


class InvalidTupleCondition(InvalidTuple):
    """The condition of a tuple, or its context, is not what the model admits there."""


class RefusedTuple(InvalidTuple):
    """A tuple to store that the model does not admit, as OpenFGA's Write numbers it."""

    code = "validation_error"
    number = 2000


class DuplicateInRequest(WriteError):
    """The same tuple key twice in one write."""

    code = "cannot_allow_duplicate_tuples_in_one_request"
    number = 2004


class WriteConflict(WriteError):
    """A tuple to write is there already, or a tuple to delete is not."""

    code = "write_failed_due_to_invalid_input"
    number = 2017


class ConditionConflict(WriteError):
    """The tuple is there already with another condition (OpenFGA answers 409 Aborted)."""

    code = "Aborted"
    number = 10


class TooManyTuples(WriteError):
    """More tuples in one call than the limit."""

    code = "exceeded_entity_limit"
    number = 2053


class ModelError(AuthzError):
    """A model that is not well formed or does not make sense; `problems` says each reason."""

    code = "invalid_authorization_model"
    number = 2056

    def __init__(self, problems: "tuple[Problem, ...]") -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems[:_SHOWN]))


class MalformedModel(ModelError):
    """A model whose JSON is not of the form that the API takes; `code` is that of the part."""

    def __init__(
        self, message: str, code: str = "validation_error", number: int = CheckError.number
    ) -> None:
        super().__init__((Problem("shape", message, -1, -1),))
        self.code = code
        self.number = number


class Problem:
    """One fault of a model, and where. Lines and columns count from 0, as OpenFGA's tools do."""

    __slots__ = ("column", "kind", "line", "message", "source")

    def __init__(self, kind: str, message: str, line: int, column: int, source: str = "") -> None:
        self.kind = kind
        self.message = message
        self.line = line
        self.column = column
        self.source = source

    def __str__(self) -> str:
        """Count from 1, as an editor does."""
        if self.line < 0:
            return self.message
        name = f"{self.source}, " if self.source else ""
        return f"{name}line {self.line + 1}, column {self.column + 1}: {self.message}"

    def __repr__(self) -> str:
        return f"Problem({self.kind!r}, {str(self)!r})"


_SHOWN = 5
"""How many problems the text of a ModelError lists; `problems` has them all."""

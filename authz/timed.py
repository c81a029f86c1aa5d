"""What time it is, for conditions that ask for `current_time`: the clock says it, no caller."""

from authz.clock import rfc3339
from authz.engine.conditions import Context
from authz.model.compiled import Model

CURRENT_TIME = "current_time"


def brings_time(context: Context | None) -> bool:
    """Tell whether a context of a tuple says what time it is: it would be that time for ever."""
    return context is not None and CURRENT_TIME in context


def asks_time(model: Model) -> bool:
    """Tell whether a condition of the model has a timestamp `current_time`."""
    return any(
        CURRENT_TIME in condition.parameters
        and condition.parameters[CURRENT_TIME].name == "timestamp"
        for condition in model.conditions.values()
    )


def timed(model: Model, now: int, context: Context | None) -> Context | None:
    """Add the time (Unix ms) to a context that lacks it, if the model asks for it.

    A context that has it keeps it, so that an administrator can ask about another time.
    """
    if not asks_time(model):
        return context
    return {CURRENT_TIME: rfc3339(now), **(context or {})}

"""The searches of a resource server (AuthZEN 1.0 §8), as the OpenAPI document describes them."""

from typing import Final

from server.domain.registry import ClientAuth
from server.protocol.search_question import MAX_PAGE
from server.web.openapi.access_routes import ACTION, CONTEXT, OBJECT, REFUSED, SUBJECT
from server.web.openapi.build import (
    Json,
    answer,
    array,
    integer,
    json_body,
    operation,
    record,
    text,
)

_PAGE: Final = record(
    {},
    {
        "limit": integer(f"More than {MAX_PAGE} is {MAX_PAGE}.", minimum=1),
        "token": text("The next_token of the page before; all else is as it was."),
    },
    additionalProperties=True,
)
_KIND: Final = record(
    {"type": text(minLength=1, maxLength=254, pattern=r"^[^\s:]+$")},
    description="An id is ignored.",
    additionalProperties=True,
)


def _search(operation_id: str, summary: str, parts: Json, found: Json) -> Json:
    optional = {"context": CONTEXT, "page": _PAGE}
    results = record(
        {
            "page": record(
                {
                    "next_token": text("Empty on the last page."),
                    "count": integer("Of these results."),
                }
            ),
            "context": record(
                {"search_id": text("Of the row of the audit.")},
                {"reason": text("Why nothing can be found."), "action": text()},
            ),
            "results": array(found),
        }
    )
    return operation(
        operation_id,
        summary,
        {
            "200": answer("What an evaluation would allow.", results, "Cache-Control"),
            **REFUSED,
        },
        tag="access",
        security=(ClientAuth.BASIC.value,),
        requestBody=json_body(record(parts, optional, additionalProperties=True)),
    )


SEARCH_RESOURCE: Final = _search(
    "searchResources",
    "Find objects of a type of the caller's that a call with a token may touch (AuthZEN 1.0 §8.5).",
    {"subject": SUBJECT, "action": ACTION, "resource": _KIND},
    record({"type": text(), "id": text()}),
)
SEARCH_ACTION: Final = _search(
    "searchActions",
    "Find what a call with a token may do with an object of the caller's (AuthZEN 1.0 §8.6).",
    {"subject": SUBJECT, "resource": OBJECT},
    record(
        {
            "name": text("A scope."),
            "properties": record({"relation": text("That the user has.")}),
        }
    ),
)

"""Sends the answer of an authorization to the client: a 303, never a 307, or a posted form."""

from urllib.parse import urlsplit

from starlette.responses import Response

from server.domain.refusal import Refused
from server.protocol.authorization_response import Answer
from server.web.front import Front
from server.web.origin import form_target
from server.web.security_headers import REDIRECT_HEADERS
from server.web.views.account import FormPostPage
from server.web.views.frame import Frame
from server.web.waiting import waiting_words


def send(front: Front, answer: Answer, client_name: str) -> Response:
    """Answer the client through the browser (RFC 9700 §4.12)."""
    if answer.response_mode == "form_post":
        view = FormPostPage(
            frame=Frame(csrf=""),
            client_name=client_name,
            host=urlsplit(answer.redirect_uri).netloc or answer.redirect_uri.partition(":")[0],
            redirect_uri=answer.redirect_uri,
            fields=answer.parameters,
        )
        return front.pages.page("form_post", view, form_targets=(form_target(answer.redirect_uri),))
    return Response(status_code=303, headers={**REDIRECT_HEADERS, "Location": answer.location})


def refused_page(front: Front, refused: Refused) -> Response:
    """Tell the person what the client must not be told by a redirect (RFC 6749 §4.1.2.1)."""
    if refused.retry_after is not None:
        return _later_page(front, refused, refused.retry_after)
    return front.error(
        "The application asked in a way that does not work",
        refused.description,
        "Go back to the application and start again. If it happens again, tell its makers.",
        400,
        code=refused.error,
    )


def _later_page(front: Front, refused: Refused, seconds: int) -> Response:
    """Ask to come back; the request itself is good."""
    response = front.error(
        "Too many sign-ins wait just now",
        "Many were begun and not finished, from your network or at this application.",
        f"Try again in {waiting_words(seconds)}. Finish or close other sign-ins that you began.",
        refused.status,
        code=refused.error,
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def over_page(front: Front) -> Response:
    """Say that this authorization has ended; the back button leads here."""
    return front.error(
        "This is already done",
        "Your answer was sent to the application before.",
        "Go on in the application. To allow more or less, start again there.",
        409,
    )


def changed_page(front: Front) -> Response:
    """Say that the client has given up the address that it asked to be answered at."""
    return front.error(
        "The application has changed meanwhile",
        "It no longer uses the address that it asked to be answered at.",
        "Go back to the application and start again.",
        409,
    )


def gone_page(front: Front) -> Response:
    """Say that no such authorization waits in this browser, whatever the reason."""
    return front.error(
        "This request is no longer waiting",
        "It took too long, or was started in another browser.",
        "Go back to the application and start again.",
        404,
    )

"""Pages around the account: sign-in, sign-up, sign-out; and messages, errors and form_post."""

from dataclasses import dataclass
from typing import Literal

from server.web.views.frame import Frame, Link


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """`sign_in`: e-mail and password. Posts `csrf`, `interaction`, `email`, `password`.

    `action`: where it posts. `interaction`: id of the waiting authorization, "" when none.
    `for_name`: name of the application that waits, None when the person came alone.
    `problem`: one sentence, the same for an unknown account and a wrong password.
    `email`: what was typed, or the request's `login_hint`. `sign_up_url`: None when closed.
    """

    frame: Frame
    action: str
    interaction: str = ""
    for_name: str | None = None
    problem: str | None = None
    email: str = ""
    sign_up_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpPage:
    """`sign_up`: a new account. Posts `csrf`, `interaction`, `link`, `name`, `email`, `password`.

    `heading`: "Create your account", or "Make the first administrator".
    `link`: the one-time link's secret, posted back so that it stays out of URLs; "" when none.
    `fixed_email`: true when the one-time link names the address, which is then read-only.
    `problem`: why it was refused (a blocklisted password says so); `problem_field` marks it.
    `minimum`: fewest characters of a password. `sign_in_url`: None to leave the link out.
    """

    frame: Frame
    action: str
    heading: str = "Create your account"
    interaction: str = ""
    link: str = ""
    name: str = ""
    email: str = ""
    fixed_email: bool = False
    problem: str | None = None
    problem_field: Literal["", "name", "email", "password"] = ""
    minimum: int = 15
    sign_in_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutPage:
    """`sign_out`: asks before signing out (OIDC RP-Initiated Logout 1.0 §2).

    Posts `csrf`, `request`, `decision` = `sign_out` | `stay`.
    `client_name`: who asked, None when the person did. `request`: whatever the route needs to
    finish the client's logout request, "" when none.
    """

    frame: Frame
    action: str
    client_name: str | None = None
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOutPage:
    """`signed_out`: done.

    `sign_in_url` leads back in. `ended`: number of delegations that ended with the session.
    """

    frame: Frame
    sign_in_url: str
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """`message`: a heading, paragraphs and links, such as "No mail is configured"."""

    frame: Frame
    heading: str
    paragraphs: tuple[str, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """`error`: what happened and what to do now, in plain words; never internal detail.

    `code`: the OAuth error code for whoever builds the application, "" when none.
    `request_id`: what to quote to an administrator, "" when none.
    """

    frame: Frame
    heading: str
    what_happened: str
    what_to_do: str
    code: str = ""
    request_id: str = ""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPostPage:
    """`form_post`: answers by posting to the client (OAuth 2.0 Form Post Response Mode §2).

    `redirect_uri`: the registered URI. `fields`: name and value of each answer parameter.
    `client_name` and `host` say where the browser goes. A small script presses the button;
    without scripts the person does. Pass `form_targets=(form_target(redirect_uri),)`.
    """

    frame: Frame
    client_name: str
    host: str
    redirect_uri: str
    fields: tuple[tuple[str, str], ...]

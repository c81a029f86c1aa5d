"""Who sits at this browser: its cookies, its session as of now, its waiting authorization.

Three cookies. `session` opens the session. `browser` is a random name of the browser from before
anybody signed in: it binds the forms of sign-in (login CSRF) and interactions. `device` is left
by a sign-in and keeps a guesser from slowing down the owner.
"""

from starlette.requests import Request
from starlette.responses import Response

from server.domain.core import Core
from server.domain.entropy import hash_secret, same
from server.domain.interactions import Interaction
from server.domain.people import Session, User, UserStatus
from server.identity.sign_in import SignedIn
from server.web.cookies import Cookies

SESSION = "session"
BROWSER = "browser"
DEVICE = "device"
DEVICE_TTL = 180 * 86400
"""How long a browser stays known, in seconds; a lost cookie costs nothing but patience."""


async def current_session(
    core: Core, cookies: Cookies, request: Request
) -> tuple[Session, User] | None:
    """Return the session of this browser and its person, as of every committed change, or none.

    The session stands, has not ended and its person is active; anything else is none.
    """
    await core.snapshot.refresh()
    cookie = cookies.read(request, SESSION)
    if cookie is None:
        return None
    hashed = hash_secret(cookie)
    session = await core.store.read(lambda tx: core.rows.sessions.by_cookie(tx, hashed))
    if session is None or not session.alive(core.clock.now()):
        return None
    user = await core.snapshot.user(session.user_id)
    if user is None or user.status is not UserStatus.ACTIVE:
        return None
    return session, user


def session_binding(cookies: Cookies, request: Request) -> str:
    """Return what the forms of a signed-in person are bound to (`Csrf.token`)."""
    return f"session:{cookies.read(request, SESSION) or ''}"


def browser_secret(cookies: Cookies, request: Request) -> str | None:
    """Return the random name of this browser, or none if it has none yet."""
    return cookies.read(request, BROWSER)


def browser_binding(secret: str) -> str:
    """Return what the forms from before sign-in are bound to (`Csrf.token`)."""
    return f"browser:{secret}"


def set_browser(cookies: Cookies, response: Response, secret: str) -> None:
    """Name this browser; it keeps the name until it is closed."""
    cookies.write(response, BROWSER, secret)


def set_signed_in(cookies: Cookies, response: Response, signed_in: SignedIn) -> None:
    """Set the cookies of a sign-in; the session's secret is new each time (no fixation)."""
    cookies.write(response, SESSION, signed_in.cookie)
    cookies.write(response, DEVICE, signed_in.device, max_age=DEVICE_TTL)


def clear_session(cookies: Cookies, response: Response) -> None:
    """Make the browser forget its session; the server has ended it."""
    cookies.clear(response, SESSION)


async def waiting_interaction(
    core: Core, cookies: Cookies, request: Request, interaction_id: str
) -> Interaction | None:
    """Return an authorization that waits in this very browser, or none.

    Somebody else's, an ended, an expired and an unknown one are all alike.
    """
    secret = browser_secret(cookies, request)
    if secret is None:
        return None
    found = await core.store.read(lambda tx: core.rows.interactions.get(tx, interaction_id))
    if (
        found is None
        or not same(found.browser_hash, hash_secret(secret))
        or found.finished_at is not None
        or core.clock.now() >= found.expires_at
    ):
        return None
    return found


def source_address(request: Request) -> str:
    """Return the address that the request came from, as the server's front tells it."""
    return request.client.host if request.client else "unknown"

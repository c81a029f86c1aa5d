"""Somebody signed in at the browser of a `World`."""

from server.domain.people import User
from server.web.browser import SESSION
from server.web.cookies import cookies_for
from tests.support.world import World


async def seat(w: World, person: User) -> str:
    """Sign a person in at `w.http`, in place of whoever was; return the name of the cookie."""
    secret = w.core.entropy.token()
    await w.session(person, cookie=secret)
    name = cookies_for(w.core.policy.issuer).name(SESSION)
    w.http.cookies.set(name, secret)
    return name

"""A person at a browser without scripts: signs in, decides, and is sent back to the client."""

from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2

from tests.support.live import PASSWORD
from tests.support.people_site import action, hidden, switched_on, words


class Person:
    """Somebody with cookies, who never leaves the pages of one server."""

    def __init__(self, issuer: str, email: str, password: str = PASSWORD) -> None:
        parts = urlsplit(issuer)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._form = {"email": email, "password": password}
        self._http = httpx2.Client(trust_env=False)

    def authorize(self, url: str, **picks: object) -> str:
        """Open an authorization URL, sign in if asked, allow `picks` if asked; return the callback.

        `picks` are fields of the consent page: `scope`, `object`, `duration` (session), `decision`.
        """
        answer = self._http.get(url)
        for _ in range(12):
            if answer.status_code in {302, 303}:
                target = urljoin(str(answer.url), answer.headers["location"])
                if not target.startswith(f"{self._origin}/"):
                    return target
                answer = self._http.get(target)
                continue
            assert answer.status_code == 200, answer.text
            answer = self._fill(answer, picks)
        raise AssertionError("redirects in circles")

    def answer(self, url: str, decision: str) -> str:
        """Open the page of an approval, sign in if asked, say `yes` or `no`; return what it says."""
        answer = self._http.get(url)
        posted = False
        for _ in range(8):
            if answer.status_code == 303:
                answer = self._http.get(urljoin(str(answer.url), answer.headers["location"]))
                continue
            assert answer.status_code == 200, answer.text
            if posted:
                return words(answer.text)
            posted = "/approvals/" in action(answer.text).partition("?")[0]
            answer = self._fill(answer, {"decision": decision, **switched_on(answer.text)})
        raise AssertionError("redirects in circles")

    def _fill(self, page: httpx2.Response, picks: dict[str, object]) -> httpx2.Response:
        where = action(page.text)
        fields: dict[str, object] = {**hidden(page.text)}
        if "/sign-in" in where:
            fields |= self._form
        else:
            fields |= {"decision": "allow", "duration": "session", **picks}
        return self._http.post(
            urljoin(str(page.url), where), data=fields, headers={"Origin": self._origin}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

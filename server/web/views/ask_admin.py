"""The page of an application that nobody here has decided on yet."""

from dataclasses import dataclass

from server.web.views.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAdminPage:
    """`ask_admin`: an administrator must allow it first. Posts `csrf`, `client_id`.

    `host`: where its metadata document is. `client_id`: that document's URL. `action`: where the
    wish is posted, None while nobody is signed in; then `sign_in_url` leads there. `asked`: it
    was noted just now.
    """

    frame: Frame
    host: str
    client_id: str
    action: str | None = None
    sign_in_url: str | None = None
    asked: bool = False

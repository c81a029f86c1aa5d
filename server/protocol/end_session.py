"""OIDC RP-Initiated Logout 1.0 §2, §3: examines a client's wish that the person be signed out."""

from dataclasses import dataclass
from urllib.parse import urlencode

from authz.decision import Denied
from server.domain.core import Core
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Client, Status
from server.domain.tokens import TokenKind
from server.protocol.authorize_checks import MAX_TEXT
from server.protocol.parameters import Parameters
from server.protocol.presented import TokenReader


@dataclass(frozen=True, slots=True)
class LogoutWish:
    """A checked wish. `sid` is that of a valid `id_token_hint`: such a wish needs no question."""

    client: Client | None = None
    redirect_uri: str | None = None
    state: str | None = None
    sid: str | None = None

    @property
    def location(self) -> str | None:
        """Return where the browser goes afterwards; none to stay here (§3)."""
        if self.redirect_uri is None or self.state is None:
            return self.redirect_uri
        separator = "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{separator}{urlencode({'state': self.state})}"


async def examine_logout(core: Core, reader: TokenReader, sent: Parameters) -> LogoutWish | Refused:
    """Check hint, client and address; an address that is not registered is never gone to."""
    state = sent.get("state")
    if state is not None and len(state) > MAX_TEXT:
        return _refused("state_too_long", "state is too long.")
    client_id, sid = sent.get("client_id"), None
    hint = sent.get("id_token_hint")
    if hint is not None:
        # §2: an expired ID token is accepted; the record tells that it is ours.
        presented = await reader.read(hint)
        if isinstance(presented, Denied) or presented.record.kind is not TokenKind.ID:
            return _refused("id_token_hint", "id_token_hint is no ID token of this server.")
        if client_id not in (None, presented.record.audience):
            return _refused("client_mismatch", "client_id is not that of the id_token_hint.")
        client_id, sid = presented.record.audience, presented.record.sid
    client = await core.snapshot.client(client_id) if client_id is not None else None
    if client_id is not None and (client is None or client.status is not Status.ACTIVE):
        return _refused("unknown_client", "The application is not registered here.")
    address = sent.get("post_logout_redirect_uri")
    if address is None:
        return LogoutWish(client, None, state, sid)
    # §3: compared as strings, and only for a client that is known.
    if client is None or address not in client.post_logout_redirect_uris:
        return _refused("post_logout_redirect_uri", "post_logout_redirect_uri is not registered.")
    return LogoutWish(client, address, state, sid)


def _refused(reason: str, description: str) -> Refused:
    return invalid_request(reason, description)

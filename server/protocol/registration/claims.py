"""RFC 7591 §2: what a client says of itself, checked the same way however it registers.

Nothing here trusts the client: what it must never get (impersonation, grants without a person,
being ours) has no field at all, so that no later check can be forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from authz.jose import InvalidKey, parse_key_set
from server.domain.registry import ClientAuth, GrantType
from server.outbound.errors import FetchRefused
from server.outbound.target import parse_target
from server.protocol.redirect_uri import is_local, may_be_registered
from server.protocol.scopes import parse_scope

MAX_URIS: Final = 20
MAX_URI: Final = 1024
MAX_NAME: Final = 100
MAX_SCOPES: Final = 100
GRANTS: Final = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
"""All that a client gets that nobody here has checked: what a person grants it, and no more."""
_GRANT_NAMES: Final = {grant.value: grant for grant in GRANTS}


class BadMetadata(Exception):
    """Metadata that we do not take: an error code of RFC 7591 §3.2.2 and a sentence for it."""

    def __init__(self, description: str, error: str = "invalid_client_metadata") -> None:
        """Say what is wrong; the text is for whoever wrote the metadata, and repeats no value."""
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Metadata that passed every check."""

    name: str
    redirect_uris: tuple[str, ...]
    auth: ClientAuth
    grant_types: frozenset[GrantType]
    jwks: str | None = None
    jwks_uri: str | None = None
    scopes: frozenset[str] | None = None
    """What the client wants to be able to ask for; none if it did not say."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    require_par: bool = False
    dpop_bound: bool = False
    """Wants no token that is not bound to a key (RFC 9449 §5.2)."""
    logo_uri: str | None = None
    """Where its picture is; none if that is nothing that we would fetch."""


def read_claims(
    given: Mapping[str, Any], *, methods: frozenset[ClientAuth], default: ClientAuth
) -> Claims:
    """Check metadata; `methods` may be used to authenticate, `default` if none is named.

    Unknown members are ignored (RFC 7591 §2). Raises `BadMetadata`.
    """
    auth = _method(given, methods, default)
    jwks, jwks_uri = _keys(given, auth)
    _one_of(given, "response_types", "code")
    uris = _uris(given, "redirect_uris")
    if not uris:
        raise BadMetadata("redirect_uris is missing.", "invalid_redirect_uri")
    _check_application_type(given, uris)
    return Claims(
        name=_name(given),
        redirect_uris=uris,
        auth=auth,
        grant_types=_grants(given),
        jwks=jwks,
        jwks_uri=jwks_uri,
        scopes=_scopes(given),
        post_logout_redirect_uris=_uris(given, "post_logout_redirect_uris"),
        require_par=_flag(given, "require_pushed_authorization_requests"),
        dpop_bound=_flag(given, "dpop_bound_access_tokens"),
        logo_uri=_picture(given),
    )


def _name(given: Mapping[str, Any]) -> str:
    name = given.get("client_name")
    if type(name) is not str or not name.strip():
        raise BadMetadata("client_name is missing.")
    # People read it on the consent page: nothing that hides or turns around what they see.
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadMetadata(f"client_name has at most {MAX_NAME} printable characters.")
    return name.strip()


def _method(
    given: Mapping[str, Any], methods: frozenset[ClientAuth], default: ClientAuth
) -> ClientAuth:
    named = given.get("token_endpoint_auth_method")
    if named is None:
        return default
    found = next((method for method in methods if method.value == named), None)
    if found is None:
        listed = ", ".join(sorted(method.value for method in methods))
        raise BadMetadata(f"token_endpoint_auth_method is one of {listed}.")
    return found


def _keys(given: Mapping[str, Any], auth: ClientAuth) -> tuple[str | None, str | None]:
    jwks, jwks_uri = given.get("jwks"), given.get("jwks_uri")
    # RFC 7591 §2: MUST NOT both be present.
    if jwks is not None and jwks_uri is not None:
        raise BadMetadata("jwks and jwks_uri exclude each other.")
    if jwks is not None:
        # Checked even where no key is used: a private key must not be published.
        jwks = _key_set(jwks)
    if jwks_uri is not None:
        _check_fetchable(jwks_uri, "jwks_uri")
    if auth is not ClientAuth.PRIVATE_KEY_JWT:
        return None, None
    if jwks is None and jwks_uri is None:
        raise BadMetadata("private_key_jwt needs jwks or jwks_uri.")
    return jwks, jwks_uri


def _key_set(value: object) -> str:
    try:
        text = orjson.dumps(value)
        keys = parse_key_set(text)
    except (InvalidKey, orjson.JSONEncodeError):
        raise BadMetadata("jwks is no set of public keys.") from None
    if not len(keys):
        raise BadMetadata("jwks has no key that we can use.")
    return text.decode()


def _check_fetchable(value: object, name: str) -> None:
    try:
        if type(value) is not str:
            raise BadMetadata(f"{name} is an https URL.")
        parse_target(value)
    except FetchRefused:
        raise BadMetadata(f"{name} is an https URL.") from None


def _picture(given: Mapping[str, Any]) -> str | None:
    """Only an ornament: one that we cannot take is no reason to refuse the client."""
    value = given.get("logo_uri")
    try:
        _check_fetchable(value, "logo_uri")
    except BadMetadata:
        return None
    return value if isinstance(value, str) and len(value) <= MAX_URI else None


def _grants(given: Mapping[str, Any]) -> frozenset[GrantType]:
    named = _texts(given, "grant_types")
    if named is None:
        # RFC 7591 §2: the default.
        return frozenset({GrantType.AUTHORIZATION_CODE})
    # §3.2.1: the server may replace values; whoever asks for more is told what it got.
    found = frozenset(_GRANT_NAMES[name] for name in named if name in _GRANT_NAMES)
    if GrantType.AUTHORIZATION_CODE not in found:
        raise BadMetadata("grant_types must have authorization_code.")
    return found


def _scopes(given: Mapping[str, Any]) -> frozenset[str] | None:
    value = given.get("scope")
    if value is None or value == "":
        return None
    found = parse_scope(value) if type(value) is str else None
    if not isinstance(found, frozenset) or len(found) > MAX_SCOPES:
        raise BadMetadata("scope is a list of scopes, parted by spaces.")
    return found


def _uris(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = _texts(given, name) or ()
    if len(found) > MAX_URIS:
        raise BadMetadata(f"{name} has at most {MAX_URIS} addresses.", "invalid_redirect_uri")
    for uri in found:
        if len(uri) > MAX_URI or not uri.isascii() or not may_be_registered(uri):
            raise BadMetadata(
                f"{name}: https, http on this computer, or an app's own scheme (RFC 8252 §7).",
                "invalid_redirect_uri",
            )
    return tuple(dict.fromkeys(found))


def _check_application_type(given: Mapping[str, Any], uris: tuple[str, ...]) -> None:
    """OpenID Connect Dynamic Client Registration 1.0 §2; without it both kinds are fine.

    A native application may use https as well (RFC 8252 §7.2, claimed by the application).
    """
    kind = given.get("application_type")
    if kind not in (None, "", "web", "native"):
        raise BadMetadata("application_type is web or native.")
    if kind == "web" and any(is_local(uri) for uri in uris):
        raise BadMetadata(
            "A web application has no redirect URI on the person's computer.",
            "invalid_redirect_uri",
        )


def _one_of(given: Mapping[str, Any], name: str, needed: str) -> None:
    named = _texts(given, name)
    if named is not None and needed not in named:
        raise BadMetadata(f"{name} must have {needed}.")


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = given.get(name)
    if value is None:
        return None
    if type(value) is not list or not all(type(each) is str for each in value):
        raise BadMetadata(f"{name} is a list of texts.")
    return tuple(value)


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if value not in (None, True, False) or isinstance(value, int) is not isinstance(value, bool):
        raise BadMetadata(f"{name} is true or false.")
    return value is True

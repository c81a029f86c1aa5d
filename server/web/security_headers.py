"""Security headers of every answer, in one place; pages, JSON, redirects and static files."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "camera", "display-capture",
        "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid",
        "identity-credentials-get", "idle-detection", "local-fonts", "magnetometer",
        "microphone", "midi", "otp-credentials", "payment", "picture-in-picture",
        "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
#: Two years, the length that browsers' preload lists ask for (RFC 6797 §6.1.1).
_HSTS: Final = "max-age=63072000"

#: JSON for one caller: tokens, introspection, decisions, errors (RFC 6749 §5.1).
JSON_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)

#: Answers without a body, such as the 303 after a post or the redirect to a client.
REDIRECT_HEADERS: Final[Mapping[str, str]] = JSON_HEADERS

#: Files whose URL holds their hash: the answer to that URL never changes.
STATIC_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)

#: Pictures that a stranger made: a browser that is told to open one has nothing to run.
PICTURE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **STATIC_HEADERS,
        "Cache-Control": "private, max-age=86400, immutable",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
)


def raw_headers(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Return headers as ASGI sends them: made once, they cost nothing at each answer."""
    return tuple(
        (name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()
    )


def content_security_policy(*, form_targets: Sequence[str], scripts: bool) -> str:
    """Return the policy of a page.

    `form_targets` are CSP sources from `origin.form_target`: Chromium applies `form-action` to
    the redirect that answers a form too. `scripts` allows our own script files.
    """
    directives = ["default-src 'none'", "style-src 'self'", "img-src 'self'"]
    if scripts:
        directives.append("script-src 'self'")
    directives += [
        " ".join(["form-action 'self'", *dict.fromkeys(form_targets)]),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    return "; ".join(directives)


def page_headers(
    *, secure: bool, form_targets: Sequence[str] = (), scripts: bool = False
) -> dict[str, str]:
    """Return the headers of an HTML page; `secure` (https issuer) adds HSTS."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_security_policy(
            form_targets=form_targets, scripts=scripts
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": _PERMISSIONS,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if secure:
        headers["Strict-Transport-Security"] = _HSTS
    return headers

"""Static files under URLs that hold their hash, read once at start and served from memory."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from server.web.security_headers import JSON_HEADERS, STATIC_HEADERS

STATIC_FOLDER: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class StaticFiles:
    """The files of one folder; only names known from the start can be asked for."""

    def __init__(self, *, base_path: str, folder: Path = STATIC_FOLDER) -> None:
        """Read every file of `folder`; `base_path` is the issuer's path ("" at the root).

        Raises `KeyError` for a file type that we do not serve.
        """
        urls: dict[str, str] = {}
        answers: dict[str, tuple[bytes, str]] = {}
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            hashed = f"{path.stem}.{digest}{path.suffix}"
            urls[path.name] = f"{base_path}/static/{hashed}"
            answers[hashed] = (content, _MEDIA_TYPES[path.suffix])
        self._urls: Mapping[str, str] = MappingProxyType(urls)
        self._answers: Mapping[str, tuple[bytes, str]] = MappingProxyType(answers)

    def url(self, name: str) -> str:
        """Return the path for a page to link; `KeyError` for an unknown file."""
        return self._urls[name]

    def answer(self, hashed_name: str) -> Response:
        """Answer `GET {base}/static/{hashed_name}`: the file, or 404."""
        found = self._answers.get(hashed_name)
        if found is None:
            return Response(status_code=404, headers=JSON_HEADERS)
        content, media_type = found
        return Response(content, headers={**STATIC_HEADERS, "Content-Type": media_type})

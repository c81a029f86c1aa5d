"""A real Keycloak on loopback, unpacked by `.ci/keycloak`: its database is in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.processes import ServerProcess

VERSION = "26.7.3"
_ADMIN, _PASSWORD = "admin", "nobody else is on this loopback port"


def find_keycloak() -> Path | None:
    """Return the program, or None; `MANDATE_KEYCLOAK` names another one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "mandate" / f"keycloak-{VERSION}" / "bin" / "kc.sh"
    found = Path(os.environ.get("MANDATE_KEYCLOAK", built))
    return found if found.exists() else None


@dataclass(frozen=True)
class Keycloak:
    """A running server."""

    http: httpx2.Client

    def issuer(self, realm: str) -> str:
        """Return the issuer of a realm; its tokens name it before anybody made the realm."""
        return str(self.http.base_url).rstrip("/") + f"/realms/{realm}"

    def admin(self, method: str, path: str, document: Any) -> None:
        """Ask its admin REST API. The administrator's token is good for a minute: a new one."""
        form = {
            "grant_type": "password", "client_id": "admin-cli",
            "username": _ADMIN, "password": _PASSWORD,
        }  # fmt: skip
        signed_in = self.http.post("/realms/master/protocol/openid-connect/token", data=form)
        headers = {"Authorization": f"Bearer {signed_in.raise_for_status().json()['access_token']}"}
        answer = self.http.request(method, f"/admin{path}", json=document, headers=headers)
        assert answer.is_success, answer.text


@contextmanager
def keycloak(program: Path, folder: Path) -> Iterator[Keycloak]:
    """Run it; what it writes is in `folder`, not where it was unpacked."""
    home = folder / "keycloak"
    home.mkdir()
    for part in program.resolve().parents[1].iterdir():
        if part.name != "data":
            (home / part.name).symlink_to(part)
    process = ServerProcess(
        folder=folder,
        settings={"KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": _PASSWORD},
        command=[
            str(program), "start", "--optimized", "--cache=local",
            "--http-enabled=true", "--http-host=127.0.0.1", "--http-port={port}",
            "--hostname-strict=false",
            # Without a line for each time that it is asked and not ready.
            "--log-level=info,io.smallrye.health:error",
            f"-Dkc.home.dir={home}",
        ],
        ready_path="/health/ready",
        start_seconds=300,  # it makes its tables anew each time
    )  # fmt: skip
    with process, httpx2.Client(base_url=process.url, trust_env=False, timeout=60) as http:
        yield Keycloak(http)

"""Both servers on the same tuples, in SQLite files, one core each: ours and OpenFGA 1.22.1."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from authz.relations import Query
from benchmarks.load import JSON, Case, Pool
from benchmarks.processes import Pinned
from benchmarks.relations.data import MODEL, House, Tuple, fill
from server.storage.migrate import upgrade
from server.storage.store import open_store
from tests.support.ports import free_ports
from tests.support.tree import ROOT

_CACHES = {
    "check-query-cache-enabled": "true",
    "check-iterator-cache-enabled": "true",
    "cache-controller-enabled": "true",
    "check-cache-limit": "100000",
}


class Engine:
    """One running server of the OpenFGA API with a store in it."""

    def __init__(self, name: str, process: Pinned, url: str, ready: str) -> None:
        self.name = name
        self.process = process
        self.url = url
        self._ready = f"{url}{ready}"
        self.store = ""

    def start(self) -> None:
        """Wait until it serves, then make the store and its model."""
        self.process.wait_until_ready(self._ready)
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            self.store = _post(http, "/stores", {"name": "house"})["id"]
            path = f"/stores/{self.store}/authorization-models"
            _post(http, path, {"schema_version": "1.1", **_without_version(MODEL.to_json())})

    def write(self, tuples: list[Tuple]) -> None:
        """Write by the API, a hundred at a time."""
        keys = [{"user": u, "relation": r, "object": o} for u, r, o in tuples]
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            for start in range(0, len(keys), 100):
                body = {"writes": {"tuple_keys": keys[start : start + 100]}}
                _post(http, f"/stores/{self.store}/write", body)

    def follow(self, other: "Engine") -> None:
        """Wait until it serves the store that another process made in the same database."""
        self.process.wait_until_ready(self._ready)
        self.store = other.store

    def check(self, query: Query) -> bool:
        """Ask one question."""
        key = {"user": query.user, "relation": query.relation, "object": query.object}
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            return bool(_post(http, f"/stores/{self.store}/check", {"tuple_key": key})["allowed"])

    def checking(self, pool: Pool) -> Case:
        """Return the case of checks, a new one each time."""
        body = '{"tuple_key":{{token}}}'
        return Case(f"{self.url}/stores/{self.store}/check", body, content_type=JSON, pool=pool)


def ours(folder: Path, core: int) -> Engine:
    """Start `mandate authz serve` on a database of its own."""
    (port,) = free_ports(1)
    database = f"sqlite:///{folder}/ours.db"
    upgrade(database, branch="authz")
    env = {
        "MANDATE_AUTHZ_DATABASE_URL": database,
        "MANDATE_AUTHZ_AUTH": "none",
        "MANDATE_AUTHZ_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "server", "authz", "serve", "--port", str(port)]
    process = Pinned("mandate", command, env=env, folder=folder, core=core)
    return Engine("mandate", process, f"http://127.0.0.1:{port}", "/healthz")


async def fill_ours(folder: Path, engine: Engine, tuples: list[Tuple]) -> None:
    """Write past the API's limit of a hundred tuples."""
    store = open_store(f"sqlite:///{folder}/ours.db")
    await fill(store, engine.store, tuples)
    await store.close()


def openfga(folder: Path, core: int, *, caches: bool) -> Engine:
    """Start OpenFGA, built by `.ci/openfga`; all starts share one database."""
    program = subprocess.run(
        ["bash", str(ROOT / ".ci" / "openfga")], check=True, capture_output=True, text=True
    ).stdout.strip()
    uri = f"file:{folder}/openfga.db"
    where = ["--datastore-engine", "sqlite", "--datastore-uri", uri]
    if not (folder / "openfga.db").exists():
        subprocess.run([program, "migrate", *where], check=True, capture_output=True)
    http, grpc = free_ports(2)
    options = {
        "http-addr": f"127.0.0.1:{http}", "grpc-addr": f"127.0.0.1:{grpc}", "log-level": "error",
        "playground-enabled": "false", "metrics-enabled": "false", "trace-enabled": "false",
        **(_CACHES if caches else {}),
    }  # fmt: skip
    command = [program, "run", *where, *(f"--{name}={value}" for name, value in options.items())]
    env = {"GOMAXPROCS": "1"} | {k: v for k, v in os.environ.items() if k == "HOME"}
    name = "openfga, caches on" if caches else "openfga"
    process = Pinned(
        name.replace(", ", "-").replace(" ", "-"), command, env=env, folder=folder, core=core
    )
    return Engine(name, process, f"http://127.0.0.1:{http}", "/healthz")


def write_questions(file: Path, house: House, relation: str, count: int) -> Pool:
    """Store questions for the load script, each a piece of JSON."""
    lines = [
        json.dumps({"user": q.user, "relation": q.relation, "object": q.object})[1:-1]
        for q in house.questions(relation, count, 7)
    ]
    file.write_text("\n".join(lines) + "\n")
    return Pool(file, len(lines))


def _without_version(model: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in model.items() if k not in ("schema_version", "id") and v}


def _post(http: httpx2.Client, path: str, body: object) -> dict[str, Any]:
    answer = http.post(path, json=body)
    if answer.status_code not in (200, 201):
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())

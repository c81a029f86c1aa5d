"""`mandate doctor`: look at everything that must be right, and say what to do about what is not."""

import asyncio
import shutil
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from authz.clock import Clock
from authz.relations import Relations
from server.app import keks
from server.domain.entropy import Entropy
from server.domain.unit import UnavailableError
from server.engine import STORE_ID, open_shipper
from server.keys.envelope import Envelope, SealBroken
from server.keys.kek import UnusableKek
from server.keys.signer import Signer
from server.keys.signing_keys import KeyStatus, SigningKey
from server.settings import Settings
from server.storage.audit_seal import SqlAuditTrail
from server.storage.keys import SqlSigningKeys
from server.storage.migrate import SchemaError, missing
from server.storage.schema_state import newest_event, oldest_unsealed, touch
from server.storage.store import OpenStore, open_store

PATIENCE_MS: Final = 3000
LEAST_FREE: Final = 200 * 1024 * 1024
OLD_KEY_MS: Final = 180 * 86400 * 1000
CLOCK_SLACK_MS: Final = 60 * 1000
LATE_SEAL_MS: Final = 10 * 60 * 1000
LATE_CHANGE_MS: Final = 60 * 1000

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: its name, whether it is well, what was seen, and what to do next if not."""

    name: str
    ok: bool
    seen: str
    next: str = ""


async def examine(
    settings: Settings, *, clock: Clock, entropy: Entropy, fetch: Fetch | None = None
) -> AsyncIterator[Check]:
    """Yield the findings one by one; what depends on something broken is left out."""
    yield Check("settings", True, f"issuer {settings.issuer}")
    envelope = None
    try:
        envelope = Envelope(keks(settings), entropy)
        yield Check("key-encryption key", True, "readable, and by its owner alone")
    except UnusableKek as error:
        yield Check(
            "key-encryption key", False, str(error),
            "bring back the file from where it is kept; a new key opens nothing that is stored",
        )  # fmt: skip
    if (space := _space(settings.database)) is not None:
        yield space
    schema = _schema(settings.database)
    yield schema
    if schema.ok:
        store = open_store(settings.database, patience_ms=PATIENCE_MS)
        try:
            async for check in _inside(store, settings, clock.now(), envelope):
                yield check
            if settings.authz_engine == "openfga":
                yield await _openfga(store, settings, clock, entropy)
        except UnavailableError as error:
            yield Check("database", False, f"refuses: {error}", "see the database's own log")
        finally:
            await store.close()
    yield await asyncio.to_thread(_issuer, settings.issuer, fetch or _fetch)


def _schema(url: str) -> Check:
    try:
        lacking = missing(url)
    except UnavailableError as error:
        return Check(
            "database", False, f"cannot be reached: {error}",
            "check MANDATE_DATABASE_URL, and that the database runs",
        )  # fmt: skip
    except SchemaError as error:
        return Check("schema", False, str(error), "install the version that the database is of")
    if lacking:
        return Check("schema", False, f"lacks {', '.join(lacking)}", "run `mandate migrate`")
    return Check("schema", True, "current")


async def _inside(
    store: OpenStore, settings: Settings, now: int, envelope: Envelope | None
) -> AsyncIterator[Check]:
    try:
        await store.write(touch)
        yield Check("database", True, f"{store.dialect}, takes writes")
    except UnavailableError as error:
        yield Check(
            "database", False, f"takes no writes: {error}",
            "look for a full disk, a read-only database, or a program that holds its lock",
        )  # fmt: skip
    yield _keys(await store.read(SqlSigningKeys().all), envelope, now)
    newest = await store.read(newest_event)
    ahead = 0 if newest is None else newest - now
    yield Check(
        "clock", ahead <= CLOCK_SLACK_MS,
        "not behind the newest event" if ahead <= CLOCK_SLACK_MS
        else f"{ahead // 1000} s behind the newest event",
        "set this machine's clock (chrony or systemd-timesyncd)",
    )  # fmt: skip
    sealed, unsealed = await store.read(SqlAuditTrail().count)
    oldest = await store.read(oldest_unsealed)
    late = oldest is not None and now - oldest > LATE_SEAL_MS + settings.seal_interval * 1000
    yield Check(
        "audit", not late, f"sealed up to {sealed}, {unsealed} not sealed yet",
        "run `mandate audit seal`, and see in the server's log why it does not seal",
    )  # fmt: skip


async def _openfga(store: OpenStore, settings: Settings, clock: Clock, entropy: Entropy) -> Check:
    """Ask the OpenFGA server of the settings, and see whether it has what changed."""
    from authz.openfga.failure import NEXT, Fault, RemoteFailure  # noqa: PLC0415 - an extra

    name = "OpenFGA"
    relations = Relations(STORE_ID, clock)
    try:
        remote, shipper = open_shipper(settings, store, relations, clock, entropy)
    except OSError as error:
        return Check(name, False, f"{error.filename}: {error.strerror}", "bring back that file")
    try:
        await remote.probe()
        standing = await store.read(shipper.applied.standing)
        if standing.remote_model:
            await remote.model(standing.remote_model)
    except RemoteFailure as failure:
        return Check(name, False, f"gives no answer: {failure}", NEXT[failure.fault])
    finally:
        await remote.close()
    if not standing.remote_model:
        return Check(name, False, "was never pushed to", NEXT[Fault.NOT_PUSHED])
    if standing.current:
        return Check(name, True, f"answers, has revision {standing.head}")
    if standing.refused:
        return Check(
            name, False, f"refused {standing.refused} changes, or left them open",
            "see `mandate authz diff`; no yes counts alone until `mandate authz push` is done",
        )  # fmt: skip
    oldest = await store.read(shipper.applied.oldest_waiting)
    late = oldest is not None and clock.now() - oldest > LATE_CHANGE_MS
    return Check(
        name, not late, f"answers, has revision {standing.applied.revision} of {standing.head}",
        "start `mandate serve`, which sends changes, and see its log for what it cannot send",
    )  # fmt: skip


def _keys(keys: tuple[SigningKey, ...], envelope: Envelope | None, now: int) -> Check:
    name = "signing keys"
    held = [key for key in keys if key.status is KeyStatus.ACTIVE]
    if not held:
        return Check(name, False, "none is active", "run `mandate keys rotate`")
    if envelope is not None:
        try:
            Signer(keys, envelope)
        except SealBroken:
            return Check(
                name, False, "do not open with this key-encryption key",
                "bring back the key-encryption key that they were sealed with",
            )  # fmt: skip
    oldest = max(held, key=lambda key: now - (key.activated_at or key.created_at))
    days = (now - (oldest.activated_at or oldest.created_at)) // 86_400_000
    seen = f"{', '.join(key.alg for key in held)}; the oldest signs since {days} days"
    return Check(name, days * 86_400_000 <= OLD_KEY_MS, seen, "run `mandate keys rotate`")


def _space(url: str) -> Check | None:
    if not url.startswith("sqlite:///"):
        return None
    folder = Path(url.removeprefix("sqlite:///")).absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Check(
        "disk", free >= LEAST_FREE, f"{free // 1024**2} MiB free beside the database",
        "make room: on a full disk every request is refused",
    )  # fmt: skip


def _issuer(issuer: str, fetch: Fetch) -> Check:
    url = f"{issuer}/.well-known/openid-configuration"
    advice = "start `mandate serve`, and check the proxy, DNS and certificate of MANDATE_ISSUER"
    try:
        document = orjson.loads(fetch(url))
        found = document["issuer"]
    except Exception as error:  # noqa: BLE001 - whatever it is, clients meet the same
        return Check("issuer", False, f"{url} does not answer: {type(error).__name__}", advice)
    if found != issuer:
        return Check("issuer", False, f"{url} is of another issuer", advice)
    return Check("issuer", True, "answers at its own address")


def _fetch(url: str) -> bytes:
    # The operator's own setting, which `Settings` allows to be http or https alone.
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        body: bytes = answer.read(1024 * 1024)
        return body

"""The composition root: the only place where adapters meet ports (DESIGN §2)."""

import asyncio
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from importlib.metadata import version

from authz.clock import Clock, SystemClock
from authz.relations import Relations
from server.domain.core import Core
from server.domain.entropy import Entropy, SystemEntropy
from server.domain.marks import TokenMarks
from server.domain.snapshot import Snapshot
from server.domain.unit import Store
from server.engine import STORE_ID, Engine, open_engine
from server.keys.envelope import Envelope
from server.keys.kek import KeyEncryptionKey, parse_keks, read_kek_file
from server.keys.live import LiveKeys
from server.keys.upkeep import ensure_keys
from server.outbound.addresses import AddressPolicy
from server.outbound.download import tls_context
from server.outbound.fetcher import Fetcher
from server.outbound.key_sets import RemoteKeySets
from server.outbound.resolver import SystemResolver
from server.own_mcp.mount import OwnMcp
from server.own_mcp.registered import put_mcp_resource
from server.services import Services, bundle
from server.services.client_documents import RemoteClientDocuments
from server.services.client_keys import RemoteClientKeys
from server.services.client_upkeep import run_client_upkeep
from server.services.graph_resource import put_graph_resource
from server.services.issuer_keys import TrustedIssuerKeys
from server.services.resources import put_core_model
from server.settings import Settings
from server.signals.audit_seal import run_sealer
from server.signals.observed import Observed
from server.signals.readiness import Readiness
from server.signals.telemetry import Telemetry, TracedStore
from server.storage.keys import SqlSigningKeys
from server.storage.maintenance import run_maintenance
from server.storage.migrate import missing, wanted
from server.storage.repositories import repositories
from server.storage.schema_state import applied_in
from server.storage.secrets import server_key
from server.storage.store import OpenStore, open_store
from server.storage.unit import changes_since

MAINTENANCE_INTERVAL = 600
"""Seconds between two purges of what has ended, in each worker."""


class SchemaBehindError(Exception):
    """The database lacks migrations of this version; the text says what to run."""


def keks(settings: Settings) -> tuple[KeyEncryptionKey, ...]:
    """Read the key-encryption keys; raises `UnusableKek`."""
    if settings.kek_file is not None:
        return read_kek_file(settings.kek_file)
    return parse_keks(settings.kek.get_secret_value() if settings.kek is not None else "")


@dataclass(frozen=True, slots=True)
class Server:
    """One running server: its services and what must be closed after it."""

    settings: Settings
    services: Services
    engine: Engine
    store: OpenStore
    envelope: Envelope
    fetcher: Fetcher
    resolver: SystemResolver
    telemetry: Telemetry
    mcp: OwnMcp

    async def close(self) -> None:
        """Close connections; everything acknowledged is stored by now."""
        await self.mcp.close()
        await self.engine.close()
        await self.fetcher.close()
        self.resolver.close()
        await self.store.close()
        await asyncio.to_thread(self.telemetry.close)


async def assemble(
    settings: Settings,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    telemetry: Telemetry | None = None,
) -> Server:
    """Open the database and make the use cases; without `telemetry` nothing is reported.

    Raises `SchemaBehindError`, `UnusableKek`, `SealBroken` and `UnavailableError`.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    url = settings.database
    lacking = missing(url)
    if lacking:
        message = f"the database lacks {', '.join(lacking)}: run `mandate migrate`"
        raise SchemaBehindError(message)
    opened = open_store(url)
    try:
        return await _assemble(settings, opened, clock, entropy, telemetry or Telemetry())
    except BaseException:
        await opened.close()
        raise


async def _assemble(
    settings: Settings, opened: OpenStore, clock: Clock, entropy: Entropy, telemetry: Telemetry
) -> Server:
    store: Store = TracedStore(opened, telemetry) if telemetry.tracing else opened
    rows = repositories(entropy)
    snapshot = Snapshot(store, rows, changes_since)
    telemetry.watch(lambda: opened.waiting, snapshot)
    envelope = Envelope(keks(settings), entropy)
    secret_key = await server_key(store, envelope, entropy)
    relations = Relations(STORE_ID, clock)
    engine = open_engine(settings, store, relations, clock, entropy, telemetry.graph_failed)
    core = Core(
        policy=settings.policy(),
        clock=clock,
        entropy=entropy,
        store=store,
        rows=rows,
        snapshot=snapshot,
        relations=relations,
        graph=engine.graph,
        marks=TokenMarks(secret_key),
    )
    stored = SqlSigningKeys()
    await ensure_keys(store, stored, envelope, clock.now())
    keys = LiveKeys(store, stored, envelope, clock)
    keys.follow(snapshot)
    await store.write(lambda tx: put_core_model(core, tx))
    await store.write(lambda tx: put_graph_resource(core, tx))
    await store.write(lambda tx: put_mcp_resource(core, tx))
    # The first refresh loads the keys as well.
    await snapshot.refresh()
    resolver = SystemResolver()
    fetcher = Fetcher(
        policy=AddressPolicy.for_issuer(settings.issuer),
        resolver=resolver,
        tls=outbound_tls(settings),
        clock=clock,
    )
    services = bundle(
        core,
        keys,
        RemoteClientKeys(RemoteKeySets(fetcher, clock)),
        TrustedIssuerKeys(fetcher, clock),
        RemoteClientDocuments(fetcher),
        secret_key,
        telemetry,
    )
    own_mcp = OwnMcp(services, version("mandate-server"))
    return Server(
        settings, services, engine, opened, envelope, fetcher, resolver, telemetry, own_mcp
    )


def outbound_tls(settings: Settings) -> ssl.SSLContext:
    """Return whom we believe outside; raises `OSError`, with the name of the file at fault."""
    try:
        return tls_context(settings.outbound_ca_file)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, why, str(settings.outbound_ca_file)) from None


def _in_background(server: Server, stop: asyncio.Event) -> tuple[Coroutine[None, None, None], ...]:
    """Return what runs beside the requests until `stop`."""
    core, keys = server.services.core, server.services.keys
    return (
        run_sealer(core, keys, server.settings.seal_interval, stop),
        run_maintenance(core.store, core.clock, MAINTENANCE_INTERVAL, stop),
        run_client_upkeep(core, MAINTENANCE_INTERVAL, stop),
        *server.engine.beside(stop),
    )


def create_app(server: Server) -> Observed:
    """Make the ASGI application of an assembled server.

    The pages are imported here: a command that only opens the database is quick.
    """
    from server.web.application import make_application  # noqa: PLC0415

    core, keys = server.services.core, server.services.keys
    readiness = Readiness(
        core.store,
        applied=applied_in,
        wanted=wanted(),
        can_sign=lambda: bool(keys.algorithms),
        graph_answers=server.engine.answers,
    )
    application = make_application(
        server.services,
        readiness,
        base_path=server.settings.base_path,
        mcp=server.mcp if server.settings.mcp else None,
        beside=lambda stop: _in_background(server, stop),
        close=server.close,
    )
    return Observed(application, server.telemetry, core.entropy)

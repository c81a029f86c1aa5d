"""A real https origin on loopback, with a throw-away authority, that answers as a test likes."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
NAME = "origin.test"
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    server_name: str | None


@dataclass
class Origin:
    """What was asked, and how it is answered."""

    answer: Answer
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/jwks", host: str = NAME) -> str:
        return f"https://{host}:{self.port}{path}"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test session, and the files of its one server."""

    ca_file: Path
    chain_file: Path


def make_authority(folder: Path) -> Authority:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away authority")])
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName(NAME), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    )
    leaf = (
        _builder(leaf_name, ca_name, key.public_key())
        .add_extension(names, critical=False)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority = Authority(folder / "ca.pem", folder / "chain.pem")
    authority.ca_file.write_bytes(ca.public_bytes(pem))
    authority.chain_file.write_bytes(private + leaf.public_bytes(pem))
    return authority


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def serve(authority: Authority, answer: Answer) -> AsyncIterator[Origin]:
    """Serve until the block ends, then end every connection that is left."""
    origin = Origin(answer)
    names: dict[ssl.SSLObject | ssl.SSLSocket, str | None] = {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.chain_file)
    context.sni_callback = lambda socket, name, _: names.__setitem__(socket, name)
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            name = names.get(writer.get_extra_info("ssl_object"))
            request = Request(head[0], headers, name)
            origin.requests.append(request)
            await origin.answer(request, writer)
            await writer.drain()
        running.discard(task)
        writer.transport.abort() if writer.is_closing() else writer.close()

    def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
        origin.connections += 1
        return handle(reader, writer)

    server = await asyncio.start_server(count, "127.0.0.1", 0, ssl=context)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def reply(
    body: bytes = b'{"keys":[]}', status: str = "200 OK", **headers: str
) -> Callable[[Request, asyncio.StreamWriter], Awaitable[None]]:
    """Answer always the same; `content_type="…"` and so on set headers, "" leaves one out."""
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        writer.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body)

    return answer


class Names:
    """A name service whose answers change from one question to the next; the last one stays."""

    def __init__(self, **answers: list[tuple[str, ...]]) -> None:
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> tuple[IPv4Address | IPv6Address, ...]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if answers is None:
            raise OSError("no such name")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return tuple(ip_address(address) for address in found)


class Deadlines:
    """Total time limits that expire when a test says so; `seconds` keeps what was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._running: list[asyncio.Timeout] = []

    def __call__(self, seconds: float) -> asyncio.Timeout:
        self.seconds.append(seconds)
        deadline = asyncio.timeout(None)
        self._running.append(deadline)
        return deadline

    def expire(self) -> None:
        for deadline in self._running:
            deadline.reschedule(0)

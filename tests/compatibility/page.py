"""The page of what was found: clients and flows, then the scenarios of the conformance suite."""

from collections.abc import Mapping

from tests.compatibility.clients import CLIENTS, SUITE
from tests.compatibility.record import SUITE_ID, Flow
from tests.compatibility.scenarios import CLIENT, DPOP, NOT_APPLICABLE

Found = Mapping[tuple[str, str], str]
"""(client, flow) to the defect of the client, empty if all went well."""

_HEAD = """\
# Compatibility

Clients that others wrote, unmodified, against a running `mandate serve` and protected MCP servers.
Written by `python -m tests.compatibility` from what the tests found; the gate refuses a page that
says anything else.
"""
_ISSUERS = {"root-issuer": "an issuer without a path", "path-issuer": "an issuer with a path"}


def render(found: Found) -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_clients(found), "", *_suite(found)]) + "\n"


def _clients(found: Found) -> list[str]:
    flows = [flow for flow in Flow if any((name, flow) in found for name in CLIENTS)]
    lines = [
        "## Clients",
        "",
        "| client | version | " + " | ".join(flows) + " |",
        "|---|---|" + ":-:|" * len(flows),
    ]
    notes: list[str] = []
    for name, client in CLIENTS.items():
        cells = []
        for flow in flows:
            defect = found.get((name, flow))
            if defect:
                notes.append(f"{client.package} {client.version}, {flow}: {defect}.")
                cells.append(f"its defect ({len(notes)})")
            else:
                cells.append("" if defect is None else "yes")
        where = f" ({client.note})" if client.note else ""
        lines.append(
            f"| `{client.package}`{where} | {client.version} | " + " | ".join(cells) + " |"
        )
    lines += [
        "",
        "An empty cell was not tried: most often the client has no such flow. *Token exchange* is by",
        "[our client helper](connect-an-agent.md) inside the framework, for a user who consented, and",
        "ends when she takes it back. *Token given* is a token in a header that the client sends on.",
    ]
    if notes:
        lines += ["", "Defects of clients:", ""]
        lines += [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return lines


def _suite(found: Found) -> list[str]:
    lines = [
        "## The MCP conformance suite",
        "",
        f"`{SUITE.package}` {SUITE.version}, run by `make conformance`.",
        "",
        "| command | scenario | against | result |",
        "|---|---|---|---|",
    ]
    for key, what in _ISSUERS.items():
        lines.append(
            "| `authorization` | metadata and code grant | `mandate serve`, "
            f"{what} | {_result(found, f'authorization {key}')} |"
        )
    for server in ("documents", "diagnostics"):
        what = "the documents example" if server == "documents" else "a server with its own tools"
        names = sorted(name for who, name in found if who == SUITE_ID)
        lines += [
            f"| `server` | {name.removeprefix(server + ' ')} | {what} | {_result(found, name)} |"
            for name in names
            if name.startswith(f"{server} ")
        ]
    lines += [
        f"| `client` | {scenario} | our client helper | {_result(found, scenario)} |"
        for scenario in (*CLIENT, *DPOP)
    ]
    lines += [
        "",
        "Its other `client` scenarios on authorization, and why our helper is not tried with them:",
        "",
        "| why | scenarios |",
        "|---|---|",
    ]
    for why in dict.fromkeys(NOT_APPLICABLE.values()):
        names = [name for name, reason in NOT_APPLICABLE.items() if reason == why]
        lines.append(f"| {why} | {', '.join(name.removeprefix('auth/') for name in names)} |")
    return lines


def _result(found: Found, flow: str) -> str:
    told = found.get((SUITE_ID, flow))
    return "not run" if told is None else told or "all checks pass"

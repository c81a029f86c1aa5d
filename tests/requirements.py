"""The manifest: each MUST that Mandate claims, where it comes from and which tests prove it.

A test says what it proves:

    @requirement("x2:actor-token-required", "rfc8693:2.1:subject-token-required")
    def test_an_exchange_without_actor_token_is_refused(): ...

`python -m tests.requirements` (`make docs`) writes docs/conformance.md from the entries and from
the marks that it reads in the sources of the tests, whether they are run or not.

The rule, held by tests/architecture/test_requirements.py:

* a mark names an entry that exists, else the test module does not import;
* an entry is *proved* (a test is marked with it), *open* (none yet) or a *gap* (the entry says in
  words what is missing; with tests it is proved in part);
* in an area of `CLAIMED` nothing is open: each entry is proved or is a gap that says so. Whoever
  completes an area adds it there, and from then on it cannot rot;
* the committed docs/conformance.md is the one that this file writes: who takes a proof away
  changes a page that a reader sees.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.manifest.approvals import APPROVALS
from tests.manifest.dpop import DPOP
from tests.manifest.enterprise import ENTERPRISE
from tests.manifest.entry import Requirement
from tests.manifest.exchange import EXCHANGE
from tests.manifest.interop import INTEROP
from tests.manifest.kit import KIT
from tests.manifest.oauth import OAUTH
from tests.manifest.own_mcp import OWN_MCP
from tests.manifest.product import PRODUCT
from tests.manifest.registration import REGISTRATION
from tests.manifest.tokens import TOKENS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "conformance.md"

# Areas (the first part of an id) in which nothing may be open.
CLAIMED: frozenset[str] = frozenset({"rfc9449", "ema", "wif", "approval", "cimd", "own-mcp"})

REQUIREMENTS: Mapping[str, Requirement] = {
    entry.id: entry
    for entry in (
        *EXCHANGE,
        *OAUTH,
        *TOKENS,
        *DPOP,
        *APPROVALS,
        *PRODUCT,
        *INTEROP,
        *KIT,
        *ENTERPRISE,
        *OWN_MCP,
        *REGISTRATION,
    )
}

_TITLES = {
    "defect": "Defects of other servers, as tests: (a) to (l)",
    "jose": "Signed tokens (JOSE)",
    "oidc": "OpenID Connect",
    "mcp": "Model Context Protocol",
    "interop": "Interoperation",
    "cimd": "Client ID Metadata Documents",
    "authzen": "AuthZEN Authorization API",
    "approval": "Approvals",
    "mandate": "What Mandate promises",
    "ema": "MCP extension: enterprise-managed authorization (ID-JAG)",
    "wif": "MCP extension: workload identity federation",
    "enterprise": "An enterprise's policy in place of consent",
    "own-mcp": "Mandate's own MCP server",
}


def requirement(*ids: str) -> pytest.MarkDecorator:
    """Mark a test as proof of these entries; an unknown id is an error at import."""
    unknown = [identifier for identifier in ids if identifier not in REQUIREMENTS]
    if unknown or not ids:
        message = f"not in the manifest (tests/manifest): {', '.join(unknown) or 'no id given'}"
        raise LookupError(message)
    return pytest.mark.requirement(*ids)


def collect_proofs(tests: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return, for each id, the `path::function` of the tests that are marked with it."""
    proofs: dict[str, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "requirement(" not in source:
            continue
        name = path.relative_to(tests.parent).as_posix()
        for identifier, function in _marks(ast.parse(source)):
            proof = f"{name}::{function}" if function else name
            if proof not in proofs[identifier]:
                proofs[identifier].append(proof)
    return dict(proofs)


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the id and the function of each mark; a mark of the module has no function."""
    for statement in tree.body:
        function = ""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            function = statement.name
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and _is_requirement(node.func):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value, function


def _is_requirement(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "requirement"
    return isinstance(function, ast.Name) and function.id == "requirement"


def render(proofs: Mapping[str, Sequence[str]]) -> str:
    """Return the page: a summary, then a table for each area."""
    found: dict[str, list[Requirement]] = {}
    for entry in REQUIREMENTS.values():
        found.setdefault(entry.area, []).append(entry)
    areas = list(found.items())
    lines = [
        "# Conformance",
        "",
        "Each requirement that Mandate claims, its source, and the tests that prove it. Generated",
        "by `make docs` from `tests/manifest/` and the tests themselves; not edited by hand.",
        "*Open* means that no test proves it yet; a *gap* is knowingly missing.",
        "",
        "| area | proved | open | gaps |",
        "|---|--:|--:|--:|",
    ]
    for area, members in areas:
        states = [_state(entry, proofs) for entry in members]
        counts = " | ".join(str(states.count(s)) for s in ("proved", "open", "gap"))
        lines.append(f"| {_title(area)} | {counts} |")
    for area, members in areas:
        lines += ["", f"## {_title(area)}", "", "| id | requirement | proof |", "|---|---|---|"]
        for entry in members:
            text = entry.text.replace("|", "\\|")
            source = "" if entry.source in {"EXCHANGE", "Token-exchange list"} else entry.source
            where = f" ({source.replace(':', '')})" if source else ""
            lines.append(f"| `{entry.id}` | {text}{where} | {_proof(entry, proofs)} |")
    return "\n".join(lines) + "\n"


def _title(area: str) -> str:
    if area in _TITLES:
        return _TITLES[area]
    return (
        f"RFC {area[3:]}" if area.startswith("rfc") else f"Exchange and delegation: {area.upper()}"
    )


def _state(entry: Requirement, proofs: Mapping[str, Sequence[str]]) -> str:
    if entry.gap:
        return "gap"
    return "proved" if proofs.get(entry.id) else "open"


def _proof(entry: Requirement, proofs: Mapping[str, Sequence[str]]) -> str:
    parts = [_link(proof) for proof in proofs.get(entry.id, ())]
    if entry.gap:
        parts.append(f"*gap*: {entry.gap}")
    return "<br>".join(parts) or "*open*"


def _link(proof: str) -> str:
    path, _, function = proof.partition("::")
    return f"[{function or path}](../{path})"


def main() -> None:
    """Write the page and say what is open."""
    proofs = collect_proofs()
    PAGE.write_text(render(proofs), encoding="utf-8")
    states = [_state(entry, proofs) for entry in REQUIREMENTS.values()]
    told = ", ".join(f"{states.count(state)} {state}" for state in ("proved", "open", "gap"))
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {told}\n")


if __name__ == "__main__":
    main()

"""Chapter 1: what runs, and what the documents server has none of."""

from pathlib import Path

import httpx2

from examples.demo.play import Play
from examples.demo.registry import register_applications, register_resources

ABSENT = ("server", "fastapi", "sqlalchemy", "alembic", "argon2")
PROBE = """
import importlib.util, sys
print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])
"""


async def tell(play: Play) -> None:
    """Raise the curtain."""
    story, stage = play.story, play.stage
    story.chapter(
        "1 · The house",
        "One database, two server processes on two ports. Two MCP servers, which are resource",
        "servers: they hold no database of Mandate and none of its server's packages.",
    )
    await stage.raise_curtain()
    await stage.open_tool_servers(await register_resources(play))
    await register_applications(play)
    async with httpx2.AsyncClient(trust_env=False) as http:
        found = [
            (await http.get(f"{url}/.well-known/oauth-authorization-server")).json()["issuer"]
            for url in stage.workers
        ]
    story.check(
        "house.workers", f"Two workers, {stage.issuer} and {stage.second}: one issuer",
        "one issuer", "one issuer" if found == [stage.issuer] * 2 else f"issuers {found}",
    )  # fmt: skip
    story.check(
        "house.apart", "Not to be found in the MCP servers' environment",
        " ".join(ABSENT), await stage.run_apart("-c", PROBE, *ABSENT),
    )  # fmt: skip
    story.check(
        "house.database", "The documents server was given no setting and no file of the database",
        "nothing of the database", _seen_of_database(play),
    )  # fmt: skip


def _seen_of_database(play: Play) -> str:
    documents = next(p for p in play.stage.processes if p.name == "the documents server")
    seen = [name for name in documents.settings if name.startswith("MANDATE_")]
    seen += [value for value in documents.settings.values() if str(play.stage.database) in value]
    open_files = Path(f"/proc/{documents.pid}/fd")
    if open_files.is_dir():
        for each in open_files.iterdir():
            try:
                target = str(each.readlink())
            except OSError:  # closed meanwhile
                continue
            seen += [target] if target.startswith(str(play.stage.server_folder)) else []
    return " ".join(seen) or "nothing of the database"

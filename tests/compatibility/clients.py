"""The clients that are tried, and in which file their exact version stands."""

import json
import re
from dataclasses import dataclass
from typing import Final

from tests.support.tree import ROOT

_NODE: Final = "tests/node/package.json"
_DEV: Final = "requirements-dev.lock"
_FRAMEWORKS: Final = ".ci/frameworks.lock"
_LANGCHAIN: Final = ".ci/langchain.lock"


@dataclass(frozen=True, slots=True)
class Client:
    """A package of a registry; `note` is said beside it."""

    package: str
    lock: str
    note: str = ""

    @property
    def version(self) -> str:
        """Read the version that the tests run; raises `LookupError`."""
        text = (ROOT / self.lock).read_text(encoding="utf-8")
        if self.lock.endswith(".json"):
            return str(json.loads(text)["dependencies"][self.package])
        match = re.search(rf"(?m)^{re.escape(self.package)}==(\S+)", text)
        if match is None:
            raise LookupError(f"{self.package} is not in {self.lock}")
        return match[1]


CLIENTS: Final = {
    "python-mcp": Client("mcp", _DEV, "Python"),
    "npm-client": Client("@modelcontextprotocol/client", _NODE, "npm"),
    "npm-sdk": Client("@modelcontextprotocol/sdk", _NODE, "npm"),
    "mcp-remote": Client("mcp-remote", _NODE, "npm, a bridge for programs of standard input"),
    "inspector": Client("@modelcontextprotocol/inspector", _NODE, "npm, its command line"),
    "fastmcp_client": Client("fastmcp", _FRAMEWORKS, "Python"),
    "openai_agents": Client("openai-agents", _FRAMEWORKS, "Python"),
    "pydantic_ai": Client("pydantic-ai-slim", _FRAMEWORKS, "Python"),
    "langchain": Client("langchain-mcp-adapters", _LANGCHAIN, "Python, on `mcp` 1.x"),
}
SUITE: Final = Client("@modelcontextprotocol/conformance", _NODE)

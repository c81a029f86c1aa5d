"""Every model that lies about in the repository: files, texts of tests and examples, documents."""

import ast
import re
from collections.abc import Iterator

from tests.support.tree import ROOT, project_files

HEADER = "model\n  schema 1.1\n"
_MODEL = re.compile(r"(?:\s*#[^\n]*\n|\s*\n)*\s*model\s*\n\s*schema 1\.")
_PART = re.compile(r"(?:module [a-z]+\n|\s*#[^\n]*\n|\s*\n)*type [\w./-]+\n\s+relations\n")
_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def models() -> dict[str, str]:
    """Return the texts by where they stand; a part of a model gets a header of its own."""
    found: dict[str, str] = {}
    for path in project_files():
        if path.suffix not in {".fga", ".py", ".md", ".yaml"}:
            continue
        source = (ROOT / path).read_text(encoding="utf-8")
        for number, text in enumerate(_texts(path.suffix, source)):
            if _MODEL.match(text) and "\ntype " in text:
                found[f"{path}:{number}"] = text
            elif _PART.match(text):
                found[f"{path}:{number}"] = HEADER + re.sub(
                    r"^module \w+$", "", text, count=1, flags=re.MULTILINE
                )
    return found


def _texts(suffix: str, source: str) -> Iterator[str]:
    if suffix == ".fga":
        yield source
    elif suffix == ".md":
        yield from _FENCE.findall(source)
    elif suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

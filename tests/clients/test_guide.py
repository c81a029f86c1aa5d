"""What the guide shows of a framework is what the example does that a test runs."""

import re

import pytest

from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "connect-an-agent.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"examples/frameworks/(\w+)/README\.md\)[^`]*(?:`[^`\n]+`[^`]*)*```python\n(.*?)```",
    GUIDE,
    re.DOTALL,
)


@pytest.mark.parametrize(("framework", "lines"), SHOWN, ids=[name for name, _ in SHOWN])
def test_the_lines_of_the_guide_are_those_of_the_example(framework: str, lines: str):
    program = (ROOT / "examples" / "frameworks" / framework / "main.py").read_text()
    runs = {line.strip() for line in program.splitlines()}
    assert [line for line in lines.splitlines() if line.strip() not in runs] == []


def test_every_example_is_in_the_guide():
    examples = {path.parent.name for path in (ROOT / "examples/frameworks").glob("*/main.py")}
    assert {name for name, _ in SHOWN} == examples

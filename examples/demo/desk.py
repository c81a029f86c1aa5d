"""The operator's desk: runs `mandate` commands one after another, in one process.

Each line on standard input is `{"arguments": [...], "settings": {...}}`; each answer is one line
too. It is what the command line does, without starting Python for every command.
"""

import contextlib
import io
import json
import os
import sys

from server.cli.program import run


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        said, complained = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        os.environ.update(asked["settings"])
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
                code = run(asked["arguments"])
        finally:
            os.environ.clear()
            os.environ.update(before)
        answer = {"code": code, "said": said.getvalue(), "complained": complained.getvalue()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Structured logs: one JSON object a line, without a secret, whoever logs.

Our own records carry what our code put in. Records of libraries are a stranger's text: they are
cut where they could hold an address, a token or a query string. Of an exception only types and
places are told, since its message may quote what was sent.
"""

import logging
import re
import sys
from types import TracebackType
from typing import Any, Final, TextIO

import orjson

OURS: Final = "mandate"
_LONGEST: Final = 2000
_DEEPEST: Final = 30
_SECRETS: Final = (
    (re.compile(r"[\w.+%-]+@[\w.-]+"), "[address]"),
    (re.compile(r"\?[^\s\"'<>]+"), "?[query]"),
    (re.compile(r"//[^\s/@\"']+@"), "//[credentials]@"),
    # Tokens, hashes and keys: long words of the alphabets of base64 and JWS.
    (re.compile(r"[A-Za-z0-9_\-+/=.]{28,}"), "[long]"),
)


class JsonLines(logging.Formatter):
    """One JSON object a record: time (Unix ms), level, logger, message, and the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document: dict[str, Any] = {
            "at": int(record.created * 1000), "level": record.levelname.lower(),
            "logger": record.name,
        }  # fmt: skip
        if record.name.split(".", 1)[0] == OURS:
            document["message"] = record.getMessage()[:_LONGEST]
            document |= getattr(record, "fields", {})
        else:
            document["message"] = without_secrets(record.getMessage())
        if record.exc_info is not None and record.exc_info[1] is not None:
            document["exception"] = _places(record.exc_info[1])
        return orjson.dumps(document, default=lambda value: type(value).__name__).decode()


def without_secrets(text: str) -> str:
    """Cut out of a stranger's text what could be a secret or a person."""
    text = text[:_LONGEST]
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def configure_logging(level: str, stream: TextIO | None = None) -> logging.Handler:
    """Send all records as JSON lines to `stream` (standard error), ours from `level` on.

    Libraries are heard from WARNING on: some log whole addresses at INFO.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    # Of thread, process and task we tell nothing, so nobody has to find them out.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # What a handler cannot write must not be printed with all its arguments.
    logging.raiseExceptions = False
    return handler


def _places(error: BaseException) -> list[str]:
    told: list[str] = []
    current: BaseException | None = error
    while current is not None and len(told) < _DEEPEST:
        told.append(f"{type(current).__module__}.{type(current).__qualname__}")
        told += _frames(current.__traceback__)
        current = current.__cause__ or current.__context__
    return told[:_DEEPEST]


def _frames(trace: TracebackType | None) -> list[str]:
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames

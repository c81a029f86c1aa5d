"""Failures that an operator can do something about: one line that says what, and no stack trace."""

import sys
from typing import Final

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2


class Failure(Exception):
    """An expected failure; the text says what is wrong and what to do next."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        """Leave the process with `code` after `message`."""
        super().__init__(message)
        self.code = code


def explain(error: Exception) -> tuple[str, int] | None:
    """Return the line and the exit code of a failure that is nobody's mistake in our code."""
    if isinstance(error, Failure):
        return str(error), error.code
    line = _of_server(error)
    if line is None and isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        line = f"{where}{error.strerror or error}"
    return None if line is None else (_one_line(line), FAILED)


def _of_server(error: Exception) -> str | None:
    # An error can only be of a class whose module is loaded; `--help` loads none of them.
    if "server.settings" not in sys.modules:
        return None
    from pydantic import ValidationError

    from server.domain.unit import ConflictError, UnavailableError
    from server.keys.envelope import SealBroken
    from server.keys.kek import UnusableKek
    from server.keys.ports import KeysMoved
    from server.keys.signer import NoSigningKey
    from server.services.registration import RegistrationError
    from server.storage.backup import BackupError
    from server.storage.migrate import SchemaError

    if isinstance(error, ValidationError):
        return _settings(error)
    if isinstance(error, UnusableKek):
        return f"{error}; MANDATE_KEK_FILE names the key file (`mandate init` makes one)"
    if isinstance(error, SealBroken):
        return f"{error}; MANDATE_KEK_FILE must name the key that this database was made with"
    if isinstance(error, UnavailableError):
        return (
            f"the database cannot be used now ({error}): see MANDATE_DATABASE_URL, then try again"
        )
    if isinstance(error, ConflictError):
        return f"something of that name exists already ({error})"
    if isinstance(error, KeysMoved):
        return "another process changed the keys at the same moment: look with `mandate keys list`"
    if isinstance(error, NoSigningKey):
        return f"{error}: run `mandate keys rotate`"
    if isinstance(error, RegistrationError | SchemaError | BackupError) or _is_schema_behind(error):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
        return "PostgreSQL needs its driver: install `mandate-server[postgres]`"
    if isinstance(error, ModuleNotFoundError) and error.name in {"openfga_sdk", "aiohttp"}:
        return "an OpenFGA server needs its client: install `mandate-server[openfga]`"
    return None


def _is_schema_behind(error: Exception) -> bool:
    app = sys.modules.get("server.app")
    return app is not None and isinstance(error, app.SchemaBehindError)


def _settings(error: Exception) -> str:
    """Name the settings that are missing or wrong; their values are never shown."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = f"MANDATE_{'_'.join(str(part) for part in first['loc']).upper()}"
    if first["type"] == "missing":
        return f"{name} is not set: run `mandate init`, or set it in the environment"
    text = str(first["msg"]).removeprefix("Value error, ")
    return text if "MANDATE_" in text else f"{name}: {text}"


def _one_line(text: str) -> str:
    return " ".join(text.split())

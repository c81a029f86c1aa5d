"""JSON context values as the typed values of a condition's parameters (OpenFGA's conversions)."""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from authz.model.schema import ParameterType

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MICROSECONDS = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "µs": Decimal(1),
    "μs": Decimal(1),
    "ms": Decimal(1_000),
    "s": Decimal(1_000_000),
    "m": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MAX_DIGITS = 400
_INT_MIN, _INT_MAX, _UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1


class BadValue(ValueError):
    """A context value that is not of its parameter's type."""


def convert(value: object, parameter: ParameterType) -> Any:
    """Return the value that CEL sees. Raises BadValue."""
    if parameter.name == "list":
        if not isinstance(value, list):
            raise BadValue("expected a list")
        inner = _CONVERTERS[parameter.of]
        return [inner(item) for item in value]
    if parameter.name == "map":
        if not isinstance(value, Mapping):
            raise BadValue("expected a map")
        inner = _CONVERTERS[parameter.of]
        return {str(key): inner(item) for key, item in value.items()}
    return _CONVERTERS[parameter.name](value)


def parse_address(text: object) -> str:
    """Return an IP address in its canonical text; IPv4 in IPv6 is unmapped, as upstream does."""
    if not isinstance(text, str):
        raise BadValue("expected an IP address")
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadValue("expected an IP address") from error
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValue("expected a bool")
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("expected a string")
    return value


def _number(value: object) -> Decimal:
    """A JSON number, or a decimal text: int and uint accept "100" and 100.0, not 100.5."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadValue("expected a number")
    if isinstance(value, str) and (len(value) > _MAX_DIGITS or not _NUMBER.fullmatch(value)):
        raise BadValue("expected a number")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise BadValue("expected a number") from error
    if not number.is_finite():
        raise BadValue("expected a finite number")
    return number


def _integer(low: int, high: int) -> Callable[[object], int]:
    def convert_integer(value: object) -> int:
        if type(value) is int and low <= value <= high:
            return value
        number = _number(value)
        # Bounds first: a huge exponent would make a huge integer.
        if not low <= number <= high or number != number.to_integral_value():
            raise BadValue(f"expected an integer from {low} to {high}")
        return int(number)

    return convert_integer


def _double(value: object) -> float:
    number = _number(value)
    double = float(number)
    if not math.isfinite(double):
        raise BadValue("expected a number that a double can hold")
    # As OpenFGA: a text is read with 64 bits of mantissa, which must then lose nothing.
    if isinstance(value, str) and not _exact(number, double):
        raise BadValue("expected a text of a number that a double holds exactly")
    return double


def _exact(number: Decimal, double: float) -> bool:
    if not number or not double:
        return not number
    exponent = math.frexp(double)[1] - 64
    unit = Fraction(2) ** exponent
    return round(Fraction(number) / unit) * unit == Fraction(double)


def _duration(value: object) -> timedelta:
    if not isinstance(value, str) or len(value) > _MAX_DIGITS or not _DURATION.fullmatch(value):
        raise BadValue("expected a duration such as 1h30m")
    parts = _DURATION_PART.findall(value)
    total = sum((Decimal(n) * _MICROSECONDS[unit] for n, unit in parts), Decimal(0))
    # Go's durations are 64-bit nanoseconds.
    if total > Decimal(_INT_MAX) / 1000:
        raise BadValue("the duration is too long")
    return timedelta(microseconds=int(-total if value.startswith("-") else total))


def _timestamp(value: object) -> datetime:
    found = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise BadValue("expected an RFC 3339 timestamp")
    *fields, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    # As far as Go's parser goes, an hour beyond RFC 3339; OpenFGA reads its timestamps with it.
    if int(hours or 0) > 24 or int(minutes or 0) > 60:
        raise BadValue("expected an RFC 3339 timestamp")
    try:
        year, month, day, hour, minute, second = map(int, fields)
        micro = int((fraction or "0")[:6].ljust(6, "0"))
        local = datetime(year, month, day, hour, minute, second, micro, UTC)
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError) as error:
        raise BadValue("expected an RFC 3339 timestamp") from error


def _any(value: object) -> object:
    return value


_CONVERTERS: dict[str, Callable[[object], Any]] = {
    "any": _any,
    "bool": _bool,
    "double": _double,
    "duration": _duration,
    "int": _integer(_INT_MIN, _INT_MAX),
    "ipaddress": parse_address,
    "string": _string,
    "timestamp": _timestamp,
    "uint": _integer(0, _UINT_MAX),
}

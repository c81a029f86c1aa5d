"""Conditions: the one home of CEL (`cel-expr-python`).

A condition is typed when the model is written: an undeclared name, a wrong overload or a result
that is no bool is refused then (OpenFGA's 2056). When it is asked, every declared parameter must
be there, even where `||` would not need it, and the tuple's context wins over the request's, so
that a caller cannot replace what a tuple says.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from authz.engine.context_values import BadValue, convert, parse_address
from authz.engine.limits import MAX_CONDITION_BYTES
from authz.errors import ConditionFailed
from authz.model.schema import ConditionDef, ParameterType

Context = Mapping[str, Any]
"""A JSON object: condition parameters by name."""

_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_CEL = cel.Type
_ADDRESS = _CEL.AbstractType("IPAddress")
_SCALARS = {
    "any": _CEL.DYN,
    "bool": _CEL.BOOL,
    "double": _CEL.DOUBLE,
    "duration": _CEL.DURATION,
    "int": _CEL.INT,
    "string": _CEL.STRING,
    "timestamp": _CEL.TIMESTAMP,
    "uint": _CEL.UINT,
}


class CompiledCondition:
    """A condition ready to be asked. Raises ValueError at construction if CEL refuses it."""

    __slots__ = ("_expression", "_needed", "name", "parameters")

    def __init__(self, definition: ConditionDef) -> None:
        self.name = definition.name
        self.parameters = dict(definition.parameters)
        self._needed = tuple(self.parameters.items())
        self._expression = _compile(definition)

    def holds(self, request: Context | None, stored: Context | None) -> bool:
        """Evaluate with the request's context and the tuple's, which wins.

        Raises ConditionFailed: a parameter is absent, has another type, or CEL stops.
        """
        values: dict[str, Any] = {}
        for name, parameter in self._needed:
            if stored is not None and name in stored:
                value = stored[name]
            elif request is not None and name in request:
                value = request[name]
            else:
                raise ConditionFailed(
                    f"condition {self.name!r} lacks the context parameter {name!r}"
                )
            try:
                values[name] = convert(value, parameter)
            except BadValue as error:
                raise ConditionFailed(f"condition {self.name!r}, {name!r}: {error}") from error
        try:
            result = self._expression.eval(data=values)
            held = result.value()
        except RuntimeError as error:  # cel-cpp's budget of iterations, among others
            raise ConditionFailed(f"condition {self.name!r} could not be evaluated") from error
        if result.type() != _CEL.BOOL:
            raise ConditionFailed(f"condition {self.name!r} could not be evaluated")
        return bool(held)

    def check_context(self, stored: Context) -> None:
        """Refuse a tuple's context that names other parameters or has other types."""
        for name, value in stored.items():
            if name not in self.parameters:
                raise ConditionFailed(f"condition {self.name!r} has no parameter {name!r}")
            try:
                convert(value, self.parameters[name])
            except BadValue as error:
                raise ConditionFailed(f"condition {self.name!r}, {name!r}: {error}") from error


def _compile(definition: ConditionDef) -> cel.Expression:
    if len(definition.expression.encode("utf-8", "surrogatepass")) > MAX_CONDITION_BYTES:
        raise ValueError(f"the expression is larger than {MAX_CONDITION_BYTES} bytes")
    parameters = definition.parameters
    try:
        strict = cel.NewEnv(
            variables={name: _cel_type(p, _ADDRESS) for name, p in parameters.items()},
            functions=_address_functions(_ADDRESS),
        )
        checked = strict.compile(definition.expression)
        if checked.return_type() != _CEL.BOOL:
            raise ValueError("the expression does not yield a bool")
        if not _uses_addresses(definition):
            return checked
        # An abstract value cannot be passed to cel-cpp, so an address travels as its text. The
        # types were checked above with addresses apart from strings.
        running = cel.NewEnv(
            variables={name: _cel_type(p, _CEL.STRING) for name, p in parameters.items()},
            functions=_address_functions(_CEL.STRING),
        )
        return running.compile(definition.expression, disable_check=True)
    except (RuntimeError, UnicodeError) as error:
        raise ValueError(str(error).removeprefix("INVALID_ARGUMENT: ")) from error


def _uses_addresses(definition: ConditionDef) -> bool:
    kinds = definition.parameters.values()
    return "ipaddress" in definition.expression or any(
        "ipaddress" in (kind.name, kind.of) for kind in kinds
    )


def _cel_type(parameter: ParameterType, address: cel.Type) -> cel.Type:
    if parameter.name == "list":
        return _CEL.List(_cel_type(ParameterType(parameter.of), address))
    if parameter.name == "map":
        return _CEL.Map(_CEL.STRING, _cel_type(ParameterType(parameter.of), address))
    return address if parameter.name == "ipaddress" else _SCALARS[parameter.name]


def _address_functions(address: cel.Type) -> list[cel.FunctionDecl]:
    in_cidr = cel.Overload(
        "ipaddr_in_cidr",
        return_type=_CEL.BOOL,
        parameters=[address, _CEL.STRING],
        is_member=True,
        impl=_in_cidr,
    )
    to_address = cel.Overload(
        "string_to_ipaddress", return_type=address, parameters=[_CEL.STRING], impl=parse_address
    )
    return [
        cel.FunctionDecl("in_cidr", [in_cidr]),
        cel.FunctionDecl("ipaddress", [to_address]),
    ]


def _in_cidr(address: str, network: str) -> bool:
    """Whether an address lies in `address/bits`; the bits are required (Go's netip.ParsePrefix)."""
    base, slash, bits = network.partition("/")
    if not slash or not _PREFIX_LENGTH.fullmatch(bits):
        raise ValueError("malformed CIDR")
    parsed = ipaddress.ip_address(base)
    length = int(bits)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped and length >= 96:
        base, length = str(parsed.ipv4_mapped), length - 96
    inside = ipaddress.ip_network((base, length), strict=False)
    # A zoned address lies in no network (Go's netip.Prefix.Contains).
    return "%" not in address and ipaddress.ip_address(address) in inside

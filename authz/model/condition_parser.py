"""The DSL's `condition name(parameter: type, ...) { CEL }`."""

from authz.model.scanner import LINE_END, NAME, RESERVED, Scanner, Token
from authz.model.schema import CONTAINERS, PARAMETER_TYPES, ConditionDef, ParameterType


def parse_condition(scanner: Scanner, source: str) -> ConditionDef:
    """Read one condition; the scanner stands on the word `condition`."""
    scanner.next()
    name = _plain_name(scanner)
    _mark(scanner, "(")
    parameters: dict[str, ParameterType] = {}
    while True:
        _skip_line_end(scanner)
        parameter = _plain_name(scanner)
        if parameter.text in parameters:
            scanner.fail(f"the parameter '{parameter.text}' is there twice", parameter)
        _mark(scanner, ":")
        parameters[parameter.text] = _parameter_type(scanner)
        _skip_line_end(scanner)
        if scanner.token.kind == ")":
            break
        _mark(scanner, ",")
    scanner.next()
    if scanner.token.kind != "{":
        scanner.fail(f"expected '{{', found {scanner.token.shown}")
    expression, body_at = scanner.body()
    at = (name.line, name.column)
    return ConditionDef(name.text, parameters, expression, at, body_at, source)


def _parameter_type(scanner: Scanner) -> ParameterType:
    token = scanner.next()
    if token.kind == NAME and token.text in PARAMETER_TYPES:
        return ParameterType(token.text)
    if token.kind != NAME or token.text not in CONTAINERS:
        scanner.fail(f"{token.shown} is not a parameter type", token)
    _mark(scanner, "<")
    inner = scanner.next()
    if inner.kind != NAME or inner.text not in PARAMETER_TYPES:
        scanner.fail(f"{inner.shown} is not a type that a {token.text} can hold", inner)
    _mark(scanner, ">")
    return ParameterType(token.text, inner.text)


def _plain_name(scanner: Scanner) -> Token:
    token = scanner.token
    if token.kind != NAME or "/" in token.text or "." in token.text:
        scanner.fail(f"expected a name, found {token.shown}")
    if token.text in RESERVED:
        scanner.fail(f"'{token.text}' is a reserved word")
    return scanner.next()


def _mark(scanner: Scanner, kind: str) -> None:
    if scanner.token.kind != kind:
        scanner.fail(f"expected '{kind}', found {scanner.token.shown}")
    scanner.next()


def _skip_line_end(scanner: Scanner) -> None:
    if scanner.token.kind == LINE_END:
        scanner.next()

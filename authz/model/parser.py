"""The OpenFGA DSL, schema 1.1 and 1.2, by recursive descent. Errors say line and column.

Follows OpenFGAParser.g4: direct types stand first in a group, a group joins its parts by one
operator only (parentheses for more), `but not` takes exactly one part.
"""

from dataclasses import dataclass, replace
from typing import NoReturn

from authz.engine.limits import MAX_MODEL_BYTES, MAX_NESTING, MAX_TYPES
from authz.errors import ModelError, Problem
from authz.model.condition_parser import parse_condition
from authz.model.scanner import BUT_NOT, END, LINE_END, NAME, RESERVED, VERSION, Scanner, Token
from authz.model.schema import (
    SUPPORTED_VERSIONS,
    Computed,
    ConditionDef,
    Direct,
    Exclusion,
    Intersection,
    Origin,
    RelationDef,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
)


@dataclass(frozen=True, slots=True)
class ModuleText:
    """What one file of a modular model defines, and what it adds to types of other files."""

    types: tuple[TypeDef, ...]
    extensions: tuple[TypeDef, ...]
    conditions: tuple[ConditionDef, ...]


def parse(text: str, *, source: str = "", header: bool = True) -> Schema:
    """Read a model. A part of one (`header` false) may begin with `module <name>` or at once.

    A part only defines types; it cannot extend those of others. Raises ModelError with one
    Problem at the first place that is not of the language.
    """
    return _parser(text, source).model(header=header)


def parse_module(text: str, file: str) -> ModuleText:
    """Read one file of a modular model: `module <name>`, then `type` and `extend type`.

    Raises ModelError as `parse`.
    """
    return _parser(text, file).module()


def _parser(text: str, source: str) -> "_Parser":
    if len(text.encode("utf-8", "surrogatepass")) > MAX_MODEL_BYTES:
        message = f"the model is larger than {MAX_MODEL_BYTES} bytes"
        raise ModelError((Problem("too-large", message, 0, 0, source),))
    return _Parser(Scanner(text, source), source)


_BLOCKS = ("type", "extend", "condition")


class _Parser:
    def __init__(self, scanner: Scanner, source: str) -> None:
        self._scanner = scanner
        self._source = source
        self._restrictions: tuple[Restriction, ...] = ()
        self._types: list[TypeDef] = []
        self._extensions: list[TypeDef] = []
        self._conditions: list[ConditionDef] = []

    def model(self, *, header: bool) -> Schema:
        self._skip_line_end()
        version = "1.1"
        if self._is("model"):
            version = self._header()
        elif header:
            self._expected("'model'")
        elif self._is("module"):
            self._module_header()
        self._definitions(None)
        return Schema(version, tuple(self._types), tuple(self._conditions))

    def module(self) -> ModuleText:
        self._skip_line_end()
        if not self._is("module"):
            self._expected("'module'")
        self._definitions(Origin(self._module_header(), self._source))
        return ModuleText(tuple(self._types), tuple(self._extensions), tuple(self._conditions))

    def _definitions(self, origin: Origin | None) -> None:
        while True:
            self._skip_line_end()
            if self._token.kind == END:
                return
            if self._is("condition"):
                condition = parse_condition(self._scanner, self._source)
                self._conditions.append(replace(condition, origin=origin))
            elif self._conditions:
                self._expected("'condition'")
            elif self._is("extend"):
                self._extend(origin)
            else:
                self._types.append(replace(self._type(), origin=origin))
                if len(self._types) > MAX_TYPES:
                    self._fail(f"more than {MAX_TYPES} types")
            if self._scanner.previous != LINE_END:
                self._end_of_line()

    def _extend(self, origin: Origin | None) -> None:
        word = self._next()
        if origin is None:
            self._fail("a type is extended only in a module that fga.mod lists", word)
        if not self._token.spaced:
            self._expected("a blank")
        added = self._type()
        if any(other.name == added.name for other in self._extensions):
            self._fail_at(f"the type '{added.name}' is already extended in this file", added)
        relations = tuple(replace(relation, origin=origin) for relation in added.relations)
        self._extensions.append(replace(added, relations=relations, origin=origin))
        if len(self._extensions) > MAX_TYPES:
            self._fail(f"more than {MAX_TYPES} extended types")

    def _module_header(self) -> str:
        self._next()
        name = self._name()
        if "/" in name.text or "." in name.text:
            self._expected("a name", name)
        self._end_of_line()
        return name.text

    def _header(self) -> str:
        self._next()
        self._mark(LINE_END)
        self._word("schema")
        token = self._next()
        if token.kind != VERSION or not token.spaced:
            self._expected("a schema version such as 1.1", token)
        if token.text not in SUPPORTED_VERSIONS:
            self._fail(f"schema version {token.text} is not supported, only 1.1 and 1.2", token)
        self._end_of_line()
        return token.text

    def _type(self) -> TypeDef:
        self._word("type")
        name = self._name()
        relations: list[RelationDef] = []
        if self._token.kind == LINE_END:
            self._next()
            if self._is("relations"):
                relations = self._relations()
            elif self._token.text not in _BLOCKS and self._token.kind != END:
                self._expected("'relations', 'type' or 'condition'")
        return TypeDef(name.text, tuple(relations), (name.line, name.column), self._source)

    def _relations(self) -> list[RelationDef]:
        self._next()
        relations: list[RelationDef] = []
        while self._token.kind == LINE_END:
            self._next()
            if not self._is("define"):
                break
            relations.append(self._relation())
        if not relations:
            self._expected("'define'")
        return relations

    def _relation(self) -> RelationDef:
        self._next()
        name = self._name()
        self._mark(":")
        self._restrictions = ()
        rewrite = self._group(direct=True, depth=0)
        self._end_of_line()
        return RelationDef(name.text, rewrite, self._restrictions, (name.line, name.column))

    def _group(self, *, direct: bool, depth: int) -> Rewrite:
        """One part, or several joined by one and the same operator."""
        first = self._operand(direct=direct, depth=depth)
        operator = self._operator()
        if operator is None:
            return first
        parts = [first]
        while (found := self._operator()) is not None:
            if found != operator or (operator == BUT_NOT and len(parts) > 1):
                self._fail(f"'{found}' after '{operator}' needs parentheses")
            if not self._token.spaced:
                self._expected(f"a blank before '{found}'")
            self._next()
            if not self._token.spaced:
                self._expected(f"a blank after '{found}'")
            parts.append(self._operand(direct=False, depth=depth))
        if operator == BUT_NOT:
            return Exclusion(parts[0], parts[1])
        return Union(tuple(parts)) if operator == "or" else Intersection(tuple(parts))

    def _operator(self) -> str | None:
        token = self._token
        if token.kind == BUT_NOT or (token.kind == NAME and token.text in ("or", "and")):
            return token.text
        return None

    def _operand(self, *, direct: bool, depth: int) -> Rewrite:
        token = self._token
        if token.kind == "(":
            if depth >= MAX_NESTING:
                self._fail("the parentheses are nested too deeply")
            self._next()
            inner = self._group(direct=direct, depth=depth + 1)
            self._mark(")")
            return inner
        if token.kind == "[":
            if not direct:
                self._fail("direct types must come first in a definition")
            self._restrictions = self._direct_types()
            return Direct()
        name = self._name(spaced=False)
        if not (self._token.kind == NAME and self._token.text == "from" and self._token.spaced):
            return Computed(name.text, (name.line, name.column))
        self._next()
        tupleset = self._name()
        return TupleToUserset(name.text, tupleset.text, (name.line, name.column))

    def _direct_types(self) -> tuple[Restriction, ...]:
        self._mark("[")
        found: list[Restriction] = []
        while True:
            self._skip_line_end()
            found.append(self._restriction())
            self._skip_line_end()
            if self._token.kind == "]":
                self._next()
                return tuple(found)
            self._mark(",")

    def _restriction(self) -> Restriction:
        name = self._name(spaced=False)
        relation, wildcard, condition = "", False, ""
        if self._token.kind in (":", "#"):
            sign = self._next()
            if sign.spaced or self._token.spaced:
                self._expected(f"no blank around '{sign.text}'", sign)
            if sign.kind == "#":
                relation = self._name(spaced=False).text
            else:
                self._mark("*")
                wildcard = True
        if self._token.kind == NAME and self._token.text == "with" and self._token.spaced:
            self._next()
            condition = self._name().text
        return Restriction(name.text, relation, wildcard, condition, (name.line, name.column))

    @property
    def _token(self) -> Token:
        return self._scanner.token

    def _next(self) -> Token:
        return self._scanner.next()

    def _skip_line_end(self) -> None:
        if self._token.kind == LINE_END:
            self._next()

    def _end_of_line(self) -> None:
        if self._token.kind not in (LINE_END, END):
            self._expected("the end of the line")

    def _mark(self, kind: str) -> None:
        if self._token.kind != kind:
            self._expected("the end of the line" if kind == LINE_END else f"'{kind}'")
        self._next()

    def _is(self, word: str) -> bool:
        return self._token.kind == NAME and self._token.text == word

    def _word(self, word: str) -> None:
        if not self._is(word):
            self._expected(f"'{word}'")
        self._next()

    def _name(self, *, spaced: bool = True) -> Token:
        token = self._token
        if token.kind != NAME:
            self._expected("a name")
        if token.text in RESERVED:
            self._fail(f"'{token.text}' is a reserved word")
        if spaced and not token.spaced:
            self._expected("a blank")
        return self._next()

    def _fail(self, message: str, token: Token | None = None) -> NoReturn:
        self._scanner.fail(message, token)

    def _fail_at(self, message: str, block: TypeDef) -> NoReturn:
        raise ModelError((Problem("syntax", message, *block.at, self._source),))

    def _expected(self, wanted: str, token: Token | None = None) -> NoReturn:
        found = (token or self._token).shown
        self._scanner.fail(f"expected {wanted}, found {found}", token)

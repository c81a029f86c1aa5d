"""A trusted issuer as an operator writes it: a TOML or JSON file."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.cli.failure import MISUSED, Failure
from server.domain.delegation import EVERYTHING
from server.domain.issuers import (
    Allowance,
    ClaimRule,
    Comparison,
    IssuerPurpose,
    TrustedIssuer,
    Workload,
)

Text = Annotated[str, Field(min_length=1, max_length=1024)]
DEFAULT_ALGORITHMS = ["ES256", "RS256"]
DEFAULT_LIFETIME = {IssuerPurpose.ID_JAG: 300, IssuerPurpose.WORKLOAD: 3600}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Rule(_Strict):
    claim: Text
    equals: Text | None = None
    prefix: Text | None = None
    glob: Text | None = None


class _Allow(_Strict):
    client: Text
    resource: Text
    scopes: list[Text]
    objects: list[Text] = []
    everything: bool = False


class _Workload(_Strict):
    name: Text
    client: Text
    rule: list[_Rule]


class _Issuer(_Strict):
    issuer: Text
    purpose: Literal["id-jag", "workload"]
    algorithms: list[Text] = DEFAULT_ALGORITHMS
    jwks_uri: Text | None = None
    jwks_file: Text | None = None
    max_lifetime: int | None = None
    token_endpoint_audience: bool = False
    reusable: bool = False
    email_domains: list[Text] = []
    rule: list[_Rule] = []
    allow: list[_Allow] = []
    workload: list[_Workload] = []


def from_file(path: Path) -> TrustedIssuer:
    """Read an issuer; `jwks_file` is relative to the file. Raises `Failure`, `OSError`."""
    raw = path.read_bytes()
    try:
        document = orjson.loads(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise Failure(f"{path} is no {kind}: {error}", code=MISUSED) from None
    try:
        read = _Issuer.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(f"{path}: {place}: {first['msg']}", code=MISUSED) from None
    purpose = IssuerPurpose(read.purpose)
    return TrustedIssuer(
        id=read.issuer,
        purpose=purpose,
        algorithms=tuple(read.algorithms),
        jwks_uri=read.jwks_uri,
        jwks=None if read.jwks_file is None else _text(path.parent / read.jwks_file),
        rules=tuple(_rule(rule) for rule in read.rule),
        max_lifetime=read.max_lifetime or DEFAULT_LIFETIME[purpose],
        token_endpoint_audience=read.token_endpoint_audience,
        reusable=read.reusable,
        email_domains=tuple(read.email_domains),
        allowances=tuple(_allowance(allow) for allow in read.allow),
        workloads=tuple(
            Workload(
                name=each.name,
                client_id=each.client,
                rules=tuple(_rule(rule) for rule in each.rule),
            )
            for each in read.workload
        ),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Failure(f"{path} is no text", code=MISUSED) from None


def _rule(rule: _Rule) -> ClaimRule:
    given = [
        (how, value) for how in Comparison if isinstance(value := getattr(rule, how.value), str)
    ]
    if len(given) != 1:
        raise Failure(
            f"the rule on {rule.claim} needs one of equals, prefix and glob", code=MISUSED
        )
    [(how, value)] = given
    return ClaimRule(claim=rule.claim, how=how, value=value)


def _allowance(allow: _Allow) -> Allowance:
    if allow.everything and allow.objects:
        raise Failure("allow: give objects or everything, not both", code=MISUSED)
    if EVERYTHING in allow.objects:
        raise Failure("allow: say everything = true", code=MISUSED)
    return Allowance(
        client_id=allow.client,
        resource=allow.resource,
        scopes=frozenset(allow.scopes),
        objects=(EVERYTHING,) if allow.everything else tuple(dict.fromkeys(allow.objects)),
    )

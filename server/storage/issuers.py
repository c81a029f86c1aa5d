"""Trusted issuers, linked identities and ID-JAG policies in SQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from authz.tx import Row, Tx, insert_ignore
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.issuers import (
    Allowance,
    ClaimRule,
    Comparison,
    IdentityLink,
    IssuerPurpose,
    TrustedIssuer,
    Workload,
)
from server.domain.unit import Unit
from server.storage.rows import dump, load, names
from server.storage.tables.issuers import id_jag_policy as policy
from server.storage.tables.issuers import identity_link as link
from server.storage.tables.issuers import trusted_issuer as issuer

_ISSUER = select(issuer.c.id, issuer.c.purpose, issuer.c.document, issuer.c.created_at)
_ISSUER_BY_ID = _ISSUER.where(issuer.c.id == bindparam("id"))
_ISSUER_HELD = _ISSUER_BY_ID.with_for_update()
_ISSUER_KEPT = _ISSUER_BY_ID.with_for_update(read=True)
_ISSUER_ALL = _ISSUER.order_by(issuer.c.created_at, issuer.c.id)
_ISSUER_ADD = insert(issuer)
_ISSUER_SET = (
    update(issuer)
    .where(issuer.c.id == bindparam("key"))
    .values(purpose=bindparam("purpose"), document=bindparam("document"))
)
_ISSUER_DROP = delete(issuer).where(issuer.c.id == bindparam("id"))


class TrustedIssuers:
    """Issuers that an administrator trusts; a change is seen by every worker at once."""

    def get(self, tx: Tx, issuer_id: str) -> TrustedIssuer | None:
        """Return an issuer, or none."""
        rows = tx.fetch(_ISSUER_BY_ID, {"id": issuer_id})
        return _issuer(rows[0]) if rows else None

    def held(self, tx: Unit, issuer_id: str) -> TrustedIssuer | None:
        """Return an issuer; whoever else wants to change it waits until this unit has ended."""
        rows = tx.fetch(_ISSUER_HELD, {"id": issuer_id})
        return _issuer(rows[0]) if rows else None

    def kept(self, tx: Unit, issuer_id: str) -> TrustedIssuer | None:
        """Return an issuer; whoever wants to change it waits until this unit has ended.

        What the unit stores is then there to be ended by the change.
        """
        rows = tx.fetch(_ISSUER_KEPT, {"id": issuer_id})
        return _issuer(rows[0]) if rows else None

    def all(self, tx: Tx) -> list[TrustedIssuer]:
        """Return every issuer, oldest first."""
        return [_issuer(row) for row in tx.fetch(_ISSUER_ALL)]

    def add(self, tx: Unit, value: TrustedIssuer) -> None:
        """Store a new issuer; its id must be free."""
        tx.execute(
            _ISSUER_ADD,
            {
                "id": value.id,
                "purpose": value.purpose,
                "document": _issuer_document(value),
                "created_at": value.created_at,
            },
        )
        tx.changed("issuer", value.id)

    def update(self, tx: Unit, value: TrustedIssuer) -> None:
        """Store a changed issuer."""
        tx.execute(
            _ISSUER_SET,
            {"key": value.id, "purpose": value.purpose, "document": _issuer_document(value)},
        )
        tx.changed("issuer", value.id)

    def remove(self, tx: Unit, issuer_id: str) -> None:
        """Forget an issuer: nothing that it says counts from now on."""
        tx.execute(_ISSUER_DROP, {"id": issuer_id})
        tx.changed("issuer", issuer_id)


def _issuer_document(value: TrustedIssuer) -> str:
    return dump(
        {
            "algorithms": value.algorithms,
            "jwks_uri": value.jwks_uri,
            "jwks": value.jwks,
            "rules": [asdict(rule) for rule in value.rules],
            "max_lifetime": value.max_lifetime,
            "token_endpoint_audience": value.token_endpoint_audience,
            "reusable": value.reusable,
            "email_domains": value.email_domains,
            "allowances": [
                {
                    "client_id": each.client_id,
                    "resource": each.resource,
                    "scopes": names(each.scopes),
                    "objects": each.objects,
                }
                for each in value.allowances
            ],
            "workloads": [
                {
                    "name": each.name,
                    "client_id": each.client_id,
                    "rules": [asdict(rule) for rule in each.rules],
                }
                for each in value.workloads
            ],
        }
    )


def _issuer(row: Row) -> TrustedIssuer:
    issuer_id, purpose, document, created_at = row
    d: dict[str, Any] = load(document)
    return TrustedIssuer(
        id=issuer_id,
        purpose=IssuerPurpose(purpose),
        created_at=created_at,
        algorithms=tuple(d["algorithms"]),
        jwks_uri=d["jwks_uri"],
        jwks=d["jwks"],
        rules=_rules(d["rules"]),
        max_lifetime=d["max_lifetime"],
        token_endpoint_audience=d["token_endpoint_audience"],
        reusable=d["reusable"],
        email_domains=tuple(d["email_domains"]),
        allowances=tuple(
            Allowance(
                client_id=each["client_id"],
                resource=each["resource"],
                scopes=frozenset(each["scopes"]),
                objects=tuple(each["objects"]),
            )
            for each in d["allowances"]
        ),
        workloads=tuple(
            Workload(name=each["name"], client_id=each["client_id"], rules=_rules(each["rules"]))
            for each in d["workloads"]
        ),
    )


def _rules(listed: list[dict[str, str]]) -> tuple[ClaimRule, ...]:
    return tuple(
        ClaimRule(claim=r["claim"], how=Comparison(r["how"]), value=r["value"]) for r in listed
    )


_LINK = select(link.c.issuer, link.c.subject, link.c.user_id, link.c.created_at)
_LINK_OF_SUBJECT = _LINK.where(
    link.c.issuer == bindparam("issuer_id"), link.c.subject == bindparam("subject_id")
)
_LINK_OF_USER = _LINK.where(
    link.c.issuer == bindparam("issuer_id"), link.c.user_id == bindparam("person_id")
)
_LINK_OF_ISSUER = _LINK.where(link.c.issuer == bindparam("issuer_id")).order_by(
    link.c.created_at, link.c.subject
)
_LINK_ADD = insert_ignore(link)
_LINK_DROP = delete(link).where(
    link.c.issuer == bindparam("issuer_id"), link.c.subject == bindparam("subject_id")
)
_LINK_DROP_ALL = delete(link).where(link.c.issuer == bindparam("issuer_id"))


class IdentityLinks:
    """Who a subject of an issuer is here; a change is published as one of the issuer."""

    def of_subject(self, tx: Tx, issuer_id: str, subject: str) -> IdentityLink | None:
        """Return the link of a subject, or none."""
        rows = tx.fetch(_LINK_OF_SUBJECT, {"issuer_id": issuer_id, "subject_id": subject})
        return _link(rows[0]) if rows else None

    def of_user(self, tx: Tx, issuer_id: str, user_id: str) -> IdentityLink | None:
        """Return the link of a person at an issuer, or none."""
        rows = tx.fetch(_LINK_OF_USER, {"issuer_id": issuer_id, "person_id": user_id})
        return _link(rows[0]) if rows else None

    def of_issuer(self, tx: Tx, issuer_id: str) -> list[IdentityLink]:
        """Return the links of an issuer, oldest first."""
        return [_link(row) for row in tx.fetch(_LINK_OF_ISSUER, {"issuer_id": issuer_id})]

    def add(self, tx: Unit, value: IdentityLink) -> bool:
        """Store a link; false if the subject or the person has one at this issuer."""
        return tx.execute(_LINK_ADD, asdict(value)) == 1

    def remove(self, tx: Unit, issuer_id: str, subject: str) -> bool:
        """Forget a link; false if there was none."""
        gone = tx.execute(_LINK_DROP, {"issuer_id": issuer_id, "subject_id": subject}) == 1
        if gone:
            tx.changed("issuer", issuer_id)
        return gone

    def remove_all(self, tx: Unit, issuer_id: str) -> int:
        """Forget every link of an issuer; return how many there were."""
        return tx.execute(_LINK_DROP_ALL, {"issuer_id": issuer_id})


def _link(row: Row) -> IdentityLink:
    return IdentityLink(issuer=row[0], subject=row[1], user_id=row[2], created_at=row[3])


_POLICY = select(
    policy.c.client_id, policy.c.audience, policy.c.resource, policy.c.document, policy.c.created_at
)
_POLICY_OF = _POLICY.where(
    policy.c.client_id == bindparam("client"), policy.c.audience == bindparam("there")
).order_by(policy.c.resource)
_POLICY_ALL = _POLICY.order_by(policy.c.client_id, policy.c.audience, policy.c.resource)
_POLICY_ADD = insert(policy)
_POLICY_DROP = delete(policy).where(
    policy.c.client_id == bindparam("client"),
    policy.c.audience == bindparam("there"),
    policy.c.resource == bindparam("target"),
)


class IdJagPolicies:
    """Where each client may take people's identity."""

    def of_client(self, tx: Tx, client_id: str, audience: str) -> list[IdJagPolicy]:
        """Return what a client may get for one authorization server."""
        return [
            _policy(row) for row in tx.fetch(_POLICY_OF, {"client": client_id, "there": audience})
        ]

    def all(self, tx: Tx) -> list[IdJagPolicy]:
        """Return every policy."""
        return [_policy(row) for row in tx.fetch(_POLICY_ALL)]

    def put(self, tx: Unit, value: IdJagPolicy) -> None:
        """Store a policy in place of the one of the same client, audience and resource."""
        self.remove(tx, value.client_id, value.audience, value.resource)
        document = {
            "scopes": names(value.scopes),
            "client_id_there": value.client_id_there,
            "with_email": value.with_email,
        }
        tx.execute(
            _POLICY_ADD,
            {
                "client_id": value.client_id,
                "audience": value.audience,
                "resource": value.resource,
                "document": dump(document),
                "created_at": value.created_at,
            },
        )
        tx.changed("client", value.client_id)

    def remove(self, tx: Unit, client_id: str, audience: str, resource: str) -> bool:
        """Take a policy back; false if there was none."""
        params = {"client": client_id, "there": audience, "target": resource}
        gone = tx.execute(_POLICY_DROP, params) == 1
        if gone:
            tx.changed("client", client_id)
        return gone


def _policy(row: Row) -> IdJagPolicy:
    client_id, audience, resource, document, created_at = row
    d: dict[str, Any] = load(document)
    return IdJagPolicy(
        client_id=client_id,
        audience=audience,
        resource=resource,
        scopes=frozenset(d["scopes"]),
        client_id_there=d["client_id_there"],
        with_email=d["with_email"],
        created_at=created_at,
    )

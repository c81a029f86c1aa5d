"""Registered resources, with the names of their objects."""

from typing import Any

from sqlalchemy import bindparam, insert, select, update

from authz.resources import tool_name
from authz.tx import Row, Tx, in_json
from server.domain.registry import Edge, Pickable, Resource, Scope, Tool
from server.domain.unit import Unit
from server.storage.rows import dump, load, names
from server.storage.tables.registry import object_label, resource

_RESOURCE = select(resource.c.id, resource.c.name, resource.c.document, resource.c.created_at)
_RESOURCE_BY_ID = _RESOURCE.where(resource.c.id == bindparam("id"))
_RESOURCE_ALL = _RESOURCE.order_by(resource.c.created_at, resource.c.id)
_RESOURCE_ADD = insert(resource)
_RESOURCE_SET = (
    update(resource)
    .where(resource.c.id == bindparam("key"))
    .values(name=bindparam("name"), document=bindparam("document"))
)
_LABEL_DROP = object_label.delete().where(object_label.c.object == bindparam("object"))
_LABEL_ADD = insert(object_label)
_LABELS = select(object_label.c.object, object_label.c.label).where(
    in_json(object_label.c.object, "objects")
)


class Resources:
    """Registered resources and the names of their objects."""

    def get(self, tx: Tx, resource_id: str) -> Resource | None:
        """Return a resource, or none."""
        rows = tx.fetch(_RESOURCE_BY_ID, {"id": resource_id})
        return _resource(rows[0]) if rows else None

    def all(self, tx: Tx) -> list[Resource]:
        """Return every resource, oldest first."""
        return [_resource(row) for row in tx.fetch(_RESOURCE_ALL)]

    def add(self, tx: Unit, value: Resource) -> None:
        """Store a new resource; its URI must be free. Scope owners may be cached, so tell."""
        tx.execute(
            _RESOURCE_ADD,
            {
                "id": value.id,
                "name": value.name,
                "document": _resource_document(value),
                "created_at": value.created_at,
            },
        )
        tx.changed("resource", value.id)

    def update(self, tx: Unit, value: Resource) -> None:
        """Store a changed resource."""
        tx.execute(
            _RESOURCE_SET,
            {"key": value.id, "name": value.name, "document": _resource_document(value)},
        )
        tx.changed("resource", value.id)

    def label(self, tx: Unit, resource_id: str, labels: dict[str, str]) -> None:
        """Give objects the names that a consent page shows."""
        for name, text in sorted(labels.items()):
            tx.execute(_LABEL_DROP, {"object": name})
            tx.execute(_LABEL_ADD, {"object": name, "resource_id": resource_id, "label": text})

    def labels(self, tx: Tx, objects: list[str]) -> dict[str, str]:
        """Return the names of those objects that have one; a tool has its own."""
        tools = {name: tool for name in objects if (tool := tool_name(name))}
        return tools | dict(tx.fetch(_LABELS, {"objects": dump(objects)}))


def _resource_document(value: Resource) -> str:
    return dump(
        {
            "scopes": [
                {
                    "name": s.name,
                    "description": s.description,
                    "agent_own": s.agent_own,
                    "default": s.default,
                    "destructive": s.destructive,
                    "includes": names(s.includes),
                }
                for s in value.scopes.values()
            ],
            "types": names(value.types),
            "pickable": [
                {
                    "type": p.type,
                    "relation": p.relation,
                    "label": p.label,
                    "contains": p.contains,
                }
                for p in value.pickable
            ],
            "edges": [
                {"scope": e.scope, "to_resource": e.to_resource, "to_scope": e.to_scope}
                for e in value.edges
            ],
            "tools": [
                {"name": t.name, "title": t.title, "scopes": names(t.scopes)} for t in value.tools
            ],
            "token_ttl": value.token_ttl,
            "alg": value.alg,
            "model": value.model,
        }
    )


def _resource(row: Row) -> Resource:
    resource_id, name, document, created_at = row
    d: dict[str, Any] = load(document)
    return Resource(
        id=resource_id,
        name=name,
        created_at=created_at,
        scopes={
            s["name"]: Scope(**{**s, "includes": frozenset(s.get("includes", ()))})
            for s in d["scopes"]
        },
        types=frozenset(d["types"]),
        pickable=tuple(Pickable(**p) for p in d["pickable"]),
        edges=tuple(Edge(**e) for e in d["edges"]),
        tools=tuple(
            Tool(name=t["name"], title=t["title"], scopes=frozenset(t["scopes"]))
            for t in d.get("tools", ())
        ),
        token_ttl=d["token_ttl"],
        alg=d["alg"],
        model=d["model"],
    )

"""The tree of one relation, in the shape of OpenFGA's API."""

import pytest

from authz.engine.expand import expand
from authz.engine.tuples import admit
from authz.errors import AuthzError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.stores.memory import MemoryTuples
from tests.engine.world import HEADER, World, model, tuple_of

MODEL = """
type user
type group
  relations
    define member: [user]
type folder
  relations
    define owner: [user]
    define viewer: [user]
type document
  relations
    define parent: [folder, group]
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner or viewer from parent
    define reader: viewer but not owner
    define signer: viewer and (owner or owner from parent)
"""
TUPLES = (
    "document:1#viewer@user:zoe",
    "document:1#viewer@user:anne",
    "document:1#viewer@user:*",
    "document:1#viewer@group:g#member",
    "document:1#parent@folder:b",
    "document:1#parent@folder:a",
    "document:1#parent@group:g",
    "document:2#viewer@user:bob",
)


def users(*names: str) -> dict[str, object]:
    return {"users": {"users": list(names)}}


def tree(world: World, target: str) -> dict[str, object]:
    name, _, relation = target.partition("#")
    return expand(world.model, world.store, name, relation)


def test_a_direct_relation_names_its_users_in_order():
    world = World(MODEL, "document:1#owner@user:b", "document:1#owner@user:a")
    assert tree(world, "document:1#owner") == {
        "root": {"name": "document:1#owner", "leaf": users("user:a", "user:b")}
    }
    assert tree(world, "document:3#owner") == {
        "root": {"name": "document:3#owner", "leaf": users()}
    }


def test_a_union_has_a_leaf_for_each_way():
    name = "document:1#viewer"
    assert tree(World(MODEL, *TUPLES), name) == {
        "root": {
            "name": name,
            "union": {
                "nodes": [
                    {
                        "name": name,
                        "leaf": users("group:g#member", "user:*", "user:anne", "user:zoe"),
                    },
                    {"name": name, "leaf": {"computed": {"userset": "document:1#owner"}}},
                    {
                        "name": name,
                        "leaf": {
                            "tupleToUserset": {
                                "tupleset": "document:1#parent",
                                "computed": [
                                    {"userset": "folder:a#viewer"},
                                    {"userset": "folder:b#viewer"},
                                    {"userset": "group:g#viewer"},
                                ],
                            }
                        },
                    },
                ]
            },
        }
    }


def test_a_difference_has_a_base_and_what_is_subtracted():
    name = "document:1#reader"
    assert tree(World(MODEL, *TUPLES), name) == {
        "root": {
            "name": name,
            "difference": {
                "base": {"name": name, "leaf": {"computed": {"userset": "document:1#viewer"}}},
                "subtract": {"name": name, "leaf": {"computed": {"userset": "document:1#owner"}}},
            },
        }
    }


def test_operators_nest():
    name = "document:9#signer"
    through = {"tupleset": "document:9#parent", "computed": []}
    assert tree(World(MODEL), name) == {
        "root": {
            "name": name,
            "intersection": {
                "nodes": [
                    {"name": name, "leaf": {"computed": {"userset": "document:9#viewer"}}},
                    {
                        "name": name,
                        "union": {
                            "nodes": [
                                {
                                    "name": name,
                                    "leaf": {"computed": {"userset": "document:9#owner"}},
                                },
                                {"name": name, "leaf": {"tupleToUserset": through}},
                            ]
                        },
                    },
                ]
            },
        }
    }


def test_a_request_can_bring_its_own_tuples():
    world = World(MODEL, "document:1#owner@user:a")
    joined = world.with_tuples("document:1#owner@user:b", "document:1#owner@user:a")
    assert tree(joined, "document:1#owner") == {
        "root": {"name": "document:1#owner", "leaf": users("user:a", "user:b")}
    }


def test_a_tuple_is_named_whatever_its_condition_says():
    text = """
type user
type document
  relations
    define viewer: [user with c]
condition c(x: int) {
  x < 1
}
"""
    world = World(text, tuple_of("document:1#viewer@user:anne", "c", x=7))
    assert tree(world, "document:1#viewer") == {
        "root": {"name": "document:1#viewer", "leaf": users("user:anne")}
    }


def test_tuples_that_the_model_no_longer_admits_are_left_out():
    text = "type user\ntype group\n  relations\n    define member: [user]\ntype document\n  relations\n"
    older = Model.from_dsl(
        f"{HEADER}{text}    define p: [user, group]\n    define viewer: [user, user:*, group#member]\n"
    )
    newer = Model.from_dsl(
        f"{HEADER}{text}    define p: [group]\n    define viewer: [user] or member from p\n"
    )
    stored = [
        admit(older, tuple_of(t))
        for t in (
            "document:1#viewer@user:anne",
            "document:1#viewer@user:*",
            "document:1#viewer@group:g#member",
            "document:1#p@user:anne",
            "document:1#p@group:h",
        )
    ]
    root = expand(newer, MemoryTuples(stored), "document:1", "viewer")["root"]
    direct, through = root["union"]["nodes"]
    assert direct["leaf"] == users("user:anne")
    assert through["leaf"]["tupleToUserset"]["computed"] == [{"userset": "group:h#member"}]


def test_a_tuple_whose_context_the_model_no_longer_takes_is_left_out():
    text = """
type user
type document
  relations
    define viewer: [user with c]
condition c(p: {}) {{
  true
}}
"""
    older, newer = model(text.format("int")), model(text.format("bool"))
    stored = MemoryTuples([admit(older, tuple_of("document:1#viewer@user:anne", "c", p=1))])
    for known, named in ((older, ["user:anne"]), (newer, [])):
        root = expand(known, stored, "document:1", "viewer")["root"]
        assert root["leaf"] == users(*named)


@pytest.mark.parametrize(
    "target",
    [
        "nothing:1#viewer",
        "document:1#nothing",
        "document:*#viewer",
        "document#viewer",
        "document:1#",
    ],
)
def test_what_the_model_does_not_define_is_an_error(target):
    with pytest.raises(AuthzError) as refused:
        tree(World(MODEL), target)
    assert refused.value.number == 2000


@pytest.mark.parametrize("named", ["user:{}", "group:{}#member"])
def test_a_relation_with_very_many_users_is_refused(monkeypatch, named):
    monkeypatch.setattr("authz.engine.expand.MAX_CANDIDATES", 20)
    tuples = [f"document:1#viewer@{named.format(n)}" for n in range(21)]
    assert tree(World(MODEL, *tuples[1:]), "document:1#viewer")
    with pytest.raises(ResolutionTooComplex):
        tree(World(MODEL, *tuples), "document:1#viewer")

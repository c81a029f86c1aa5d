"""Two processes that write one store at once: one state, exact counts, a changelog that fits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.authz_api.test_beyond import ANNE, changes_of, keys_of, owned, replayed, write
from tests.authz_api.test_hostile import MODEL
from tests.requirements import requirement


@pytest.fixture
def shared(pair: list[httpx2.Client]) -> str:
    path = f"/stores/{pair[0].post('/stores', json={'name': 'raced'}).json()['id']}"
    pair[0].post(f"{path}/authorization-models", json=MODEL).raise_for_status()
    return path


@requirement("mandate:api:deletion-by-selection")
def test_a_deletion_beside_writers_counts_what_it_deleted(pair, shared):
    write(pair[0], shared, owned("user:anne", 300))
    counts: list[int] = []

    def work(number: int) -> None:
        own = pair[number // 2]
        for turn in range(10):
            if number % 2:
                write(own, shared, owned("user:anne", 5, 1000 * number + 5 * turn))
            else:
                body = {"tuple_key": {"user": "user:anne"}}
                answer = own.post(f"{shared}/delete-matching", json=body)
                counts.append(answer.json()["deleted"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    changes = changes_of(pair[0], shared)
    assert sum(counts) == sum(c["operation"] == "TUPLE_OPERATION_DELETE" for c in changes)
    assert sorted(replayed(changes)) == sorted(keys_of(pair[0], shared))
    assert sum(counts) + len(keys_of(pair[0], shared)) == 400


@requirement("mandate:api:one-state")
def test_racing_upserts_leave_one_state_and_lose_no_row(pair, shared):
    ready = threading.Barrier(4)

    def work(number: int) -> None:
        ready.wait(30)
        for turn in range(10):
            condition = {"name": "small", "context": {"x": 100 * number + turn}}
            key = {**ANNE, "condition": condition}
            write(pair[number // 2], shared, [key], on_duplicate="replace")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    (stored,) = pair[1].post(f"{shared}/read", json={"tuple_key": ANNE}).json()["tuples"]
    changes = changes_of(pair[0], shared)
    assert len(changes) == 2 * 40 - 1
    assert list(replayed(changes).values()) == [stored["key"]["condition"]]

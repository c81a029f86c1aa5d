"""Identifiers: never twice, also not in a child process, and dated ones sort by their time."""

import os

from server.domain.entropy import SystemEntropy


def test_no_identifier_comes_twice_however_many_are_taken() -> None:
    entropy = SystemEntropy()

    taken = [entropy.id("x") for _ in range(5000)] + [entropy.nonce() for _ in range(5000)]

    assert len(set(taken)) == len(taken)
    assert {len(one) for one in taken} == {34, 32}


def test_a_child_process_does_not_go_on_with_the_chance_of_its_parent() -> None:
    entropy = SystemEntropy()
    entropy.nonce()  # so that something is read ahead
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write, entropy.nonce().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 64).decode()

    assert len(theirs) == 32
    assert theirs != entropy.nonce()
    os.close(read)
    os.close(write)


def test_dated_identifiers_sort_by_their_time() -> None:
    entropy = SystemEntropy()
    times = [1, 9, 10, 255, 256, 1_790_000_000_000, 1_790_000_000_001, 2**47]

    made = [entropy.dated_id("tok", at) for at in times]

    assert made == sorted(made)
    assert len({len(one) for one in made}) == 1

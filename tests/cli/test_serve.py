"""`mandate serve`: one process or several, ended well, and seeing what other commands change."""

import os
import select
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Mandate, settings_of
from tests.cli.served import Served
from tests.support.processes import environment, mandate_command, run_mandate
from tests.support.world import TEST_KEK

METADATA = "/.well-known/oauth-authorization-server"


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _await_end(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0], f"{pid} still runs"
    finally:
        os.close(handle)


def test_a_server_whose_schema_is_behind_does_not_start(tmp_path: Path, database_url: str):
    done = run_mandate(
        "serve", "--port", "0", settings=settings_of(database_url), cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "run `mandate migrate`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_answers_on_the_port_that_it_names_and_ends_well(tmp_path: Path, url: str):
    with Served(settings=settings_of(url), cwd=tmp_path) as served:
        assert served.ready["workers"] == [served.process.pid]
        assert served.ready["url"] == f"http://127.0.0.1:{served.ready['port']}"
        answer = served.http.get("/readyz")
        assert answer.status_code == 200, answer.text
        assert "server" not in answer.headers
        assert "date" in answer.headers
        assert served.http.get(METADATA).json()["issuer"] == served.ready["issuer"]
        assert served.end() == 0
        assert "Traceback" not in served.log.read_text()


@pytest.mark.kill
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path, desk: Mandate):
    settings = settings_of(os.environ["MANDATE_DATABASE_URL"])
    with Served("--workers", "2", settings=settings, cwd=tmp_path) as served:
        assert served.ready["pid"] == served.process.pid
        workers = served.ready["workers"]
        assert len(set(workers)) == 2
        os.kill(workers[0], signal.SIGKILL)
        event = served.event()
        assert (event["event"], event["pid"], event["code"]) == ("lost", workers[0], -9)
        event = served.event()
        assert (event["event"], event["lost"]) == ("replaced", workers[0])
        assert event["pid"] not in workers
        for _ in range(10):
            # A connection each, so that both workers get some.
            assert served.http.get(METADATA, headers={"Connection": "close"}).status_code == 200
        assert served.end(signal.SIGINT) == 0
        assert not any(_alive(pid) for pid in (*workers, event["pid"]))


@pytest.mark.kill
def test_no_worker_outlives_a_parent_that_was_killed(tmp_path: Path, desk: Mandate):
    url = os.environ["MANDATE_DATABASE_URL"]
    with Served("--workers", "2", settings=settings_of(url), cwd=tmp_path) as served:
        served.process.kill()
        for pid in served.ready["workers"]:
            _await_end(pid)


@pytest.mark.kill
def test_a_replacement_that_cannot_start_is_tried_again(desk: Mandate, tmp_path: Path):
    kek = tmp_path / "kek"
    kek.touch(mode=0o600)
    kek.write_text(TEST_KEK)
    settings = settings_of(os.environ["MANDATE_DATABASE_URL"]) | {"MANDATE_KEK_FILE": str(kek)}
    del settings["MANDATE_KEK"]
    with Served("--workers", "2", settings=settings, cwd=tmp_path) as served:
        first = served.ready["workers"][0]
        kek.rename(tmp_path / "gone")
        os.kill(first, signal.SIGKILL)
        assert served.event()["pid"] == first
        failed = served.event()
        assert (failed["event"], failed["code"]) == ("lost", 1)
        assert served.http.get(METADATA).status_code == 200
        (tmp_path / "gone").rename(kek)
        events = iter(served.event, None)
        back = next(event for event in events if event and event["event"] == "replaced")
        assert back["lost"] == first
        assert served.end() == 0


def test_workers_that_cannot_start_end_the_server(desk: Mandate, tmp_path: Path):
    settings = settings_of(os.environ["MANDATE_DATABASE_URL"]) | {"MANDATE_KEK": "A" * 43}
    done = run_mandate(
        "serve", "--port", "0", "--workers", "2", settings=settings, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "MANDATE_KEK_FILE must name the key" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_in_one_line(desk: Mandate):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        done = desk("serve", "--port", str(taken.getsockname()[1]))
    assert done.code == 1
    assert "choose another --port" in done.complaint
    done = desk("serve", "--host", "no.such.host.invalid", "--port", "0")
    assert (done.code, "--host" in done.complaint) == (2, True)


def test_what_other_commands_change_counts_for_the_next_request(
    mandate: Mandate, tmp_path: Path, url: str
):
    with Served("--workers", "2", settings=settings_of(url), cwd=tmp_path) as served:
        api = "https://api.example"
        mandate(
            "resource", "add", "--id", api, "--name", "API", "--scope", "api:run=Run it",
            "--agent-own", "api:run",
        )  # fmt: skip
        agent = mandate(
            "agent", "add", "Robot", "--scope", "api:run", "--resource", api, "--json"
        ).document["agent_id"]
        client = mandate(
            "client", "add", "Robot", "--agent", agent, "--scope", "api:run", "--json"
        ).document
        credentials = (client["client_id"], client["client_secret"])

        def ask() -> int:
            answers = {
                served.http.post(
                    "/token",
                    auth=credentials,
                    headers={"Connection": "close"},
                    data={"grant_type": "client_credentials", "resource": api, "scope": "api:run"},
                ).status_code
                for _ in range(4)
            }
            assert len(answers) == 1
            return answers.pop()

        def published() -> set[str]:
            answer = served.http.get("/jwks", headers={"Connection": "close"})
            return {key["kid"] for key in answer.json()["keys"]}

        assert ask() == 200
        mandate("agent", "suspend", agent)
        assert ask() >= 400
        mandate("agent", "resume", agent)
        assert ask() == 200
        mandate("client", "disable", client["client_id"])
        assert ask() == 401
        mandate("client", "enable", client["client_id"])
        assert ask() == 200
        mandate("agent", "ceiling", agent, "--clear")
        assert ask() == 400

        before = published()
        rotated = mandate("keys", "rotate", "--now", "--json").document["changed"]
        announced = next(key["kid"] for key in rotated if key["status"] == "next")
        assert all(published() == before | {announced} for _ in range(4))
        stolen = next(key["kid"] for key in rotated if key["status"] == "active")
        mandate("keys", "revoke", stolen, "--yes")
        assert all(stolen not in published() for _ in range(4))
        assert served.end() == 0


def test_a_request_in_progress_is_finished_before_the_end(tmp_path: Path, desk: Mandate):
    url = os.environ["MANDATE_DATABASE_URL"]
    with Served(settings=settings_of(url), cwd=tmp_path) as served:
        body = b"grant_type=client_credentials"
        with closing(socket.create_connection(("127.0.0.1", served.ready["port"]))) as peer:
            head = (
                f"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
            )
            peer.sendall(head.encode())
            # The server asks for the body: the request is in progress.
            assert peer.recv(1000).startswith(b"HTTP/1.1 100")
            served.process.terminate()
            peer.sendall(body)
            assert peer.recv(1000).startswith(b"HTTP/1.1 4")
        assert served.process.wait(30) == 0


def test_nothing_is_printed_but_one_line_for_people(tmp_path: Path, desk: Mandate):
    settings = settings_of(os.environ["MANDATE_DATABASE_URL"])
    with subprocess.Popen(
        mandate_command("serve", "--port", "0"), env=environment(settings), cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        rest = process.stdout.read()
    assert line.startswith("Mandate answers on http://127.0.0.1:")
    assert (rest, process.returncode) == ("", 0)

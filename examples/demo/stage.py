"""The stage: one database, two server processes, two MCP servers, and the operator's desk."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.demo.processes import Desk, Process, StageError, environment, free_ports

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-tools"
"""The environment of MCP servers: `mcp`, `mcp_tools` and `authz`, nothing of the server."""
LAUNCHER = (sys.executable, "-c", "from server.cli import main; main()")
DESK = (sys.executable, "-P", str(Path(__file__).with_name("desk.py")))


def tools_python() -> str:
    """Return the Python of the MCP servers' own environment, which is made the first time."""
    if not (TOOLS / ".installed").exists():
        made = subprocess.run(
            ["make", ".venv-tools/.installed"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise StageError(f"no environment for the MCP servers:\n{made.stderr[-2000:]}")
    return str(TOOLS / "bin" / "python")


@dataclass
class Stage:
    """Everything that runs. `launcher` starts `mandate`, `desk` the operator's desk."""

    launcher: Sequence[str] = LAUNCHER
    desk_command: Sequence[str] = DESK
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mandate-demo-")))
    processes: list[Process] = field(default_factory=list)
    python: str = ""
    admin_link: str = ""

    def __post_init__(self) -> None:
        ports = free_ports(5)
        self.issuer = f"http://127.0.0.1:{ports[0]}"
        self.second = f"http://127.0.0.1:{ports[1]}"
        """The other worker, by its own port; its issuer is the same."""
        self.documents = f"http://127.0.0.1:{ports[2]}/mcp"
        self.notes = f"http://127.0.0.1:{ports[3]}/mcp"
        self.chat = f"http://127.0.0.1:{ports[4]}"
        self._ports = ports
        self.server_folder = self.home / "mandate"
        self.desk = Desk(
            self.desk_command, self.server_folder, self.home / "desk.log",
            {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    @property
    def workers(self) -> tuple[str, str]:
        """Return the addresses of both server processes."""
        return self.issuer, self.second

    @property
    def database(self) -> Path:
        """Return the file of the one database."""
        return self.server_folder / "mandate.db"

    async def raise_curtain(self) -> None:
        """Make the database and start both workers; `open_tool_servers` waits for them."""
        self.server_folder.mkdir(mode=0o700)
        self.python = await asyncio.to_thread(tools_python)
        self.desk.start()
        made = await self.desk.mandate("init", "--issuer", self.issuer)
        self.admin_link = str(made["admin_link"])
        await self.desk.mandate("migrate")
        for number in (0, 1):
            self._server(number).start()

    def _server(self, number: int) -> Process:
        port = self._ports[number]
        process = Process(
            f"the server, worker {number + 1}",
            self.home / f"server-{number + 1}.log",
            (*self.launcher, "serve", "--port", str(port)),
            {"PYTHONPATH": str(ROOT), "MANDATE_SEAL_INTERVAL": "1"},
            self.server_folder,
            f"http://127.0.0.1:{port}/.well-known/oauth-authorization-server",
        )
        self.processes.append(process)
        return process

    async def open_tool_servers(self, secrets: dict[str, str]) -> None:
        """Start the documents and the notes server with the secrets of their own clients."""
        opened = [
            self._tool_server("documents", self.documents, self._ports[2], secrets["documents"]),
            self._tool_server("notes", self.notes, self._ports[3], secrets["notes"]),
        ]
        for process in opened:
            process.start()
        await asyncio.gather(*(process.ready() for process in self.processes))

    def _tool_server(self, name: str, resource: str, port: int, secret: str) -> Process:
        folder = self.home / name
        folder.mkdir()
        given = {
            "ISSUER": self.issuer,
            "RESOURCE": resource,
            "CLIENT_ID": name,
            "CLIENT_SECRET": secret,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATA": str(folder / "documents.db"),
        }
        process = Process(
            f"the {name} server",
            self.home / f"{name}.log",
            (self.python, str(ROOT / "examples" / name / "main.py")),
            {f"{name.upper()}_{key}": value for key, value in given.items()},
            folder,
            resource,
        )
        self.processes.append(process)
        return process

    async def run_apart(self, *arguments: str) -> str:
        """Run Python in the MCP servers' environment; return what it prints."""
        done = await asyncio.to_thread(
            subprocess.run,
            [self.python, *arguments],
            env=environment({}),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return str(done.stdout + done.stderr).strip()

    async def forge(self, copies: Mapping[str, Path], row: int) -> dict[str, int]:
        """Forge copies of the audit trail (`forge.py`); return the first bad row of each."""
        script = str(Path(__file__).with_name("forge.py"))
        given = [f"{deed}={copy}" for deed, copy in copies.items()]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-P", script, str(row), *given],
            env=environment({"PYTHONPATH": str(ROOT)}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise StageError(f"forge.py: {done.stderr[-1000:]}")
        found: dict[str, int] = json.loads(done.stdout)
        return found

    def logs(self) -> list[tuple[str, str]]:
        """Return the end of each log that says something."""
        told = [(process.name, process.tail()) for process in self.processes]
        return [(name, text) for name, text in told if text]

    def running(self) -> dict[str, Any]:
        """Return what is running, for whoever goes on with it."""
        return {
            "issuer": self.issuer,
            "workers": list(self.workers),
            "documents": self.documents,
            "notes": self.notes,
            "home": str(self.home),
            "pids": [process.pid for process in self.processes],
        }

    def strike(self) -> None:
        """End every process and remove the files."""
        self.desk.stop()
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.home, ignore_errors=True)

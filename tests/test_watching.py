"""`blockfreeze watch`: each save is in the running program, whose connections and state stay."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from operated import LIMIT, until

from benchmarks.shapes.served import free_port
from blockfreeze.cli.command_line import main

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_sockets, pytest.mark.needs_threads]

pytest.importorskip("watchfiles")

APP = """
from shop.parts import first
from shop.more import second
requests = 0

def answer():
    global requests
    requests += 1
    return f"{first()} {second()} {requests}"
"""
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shop.app import answer
import blockfreeze

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = f"{answer()} {os.getpid()} {blockfreeze.status('shop').current}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/end":
            os._exit(0)
    def log_message(self, *arguments):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def part(name: str, says: object) -> str:
    return f"def {name}(): return {says!r}\n"


class Watched:
    """A program that `watch` has started, one connection to it, and what the command says."""

    def __init__(self, directory: Path, command: list[str] | None = None, *, on_terminal: bool = False) -> None:
        self.package = directory / "shop"
        self.package.mkdir()
        self.port = free_port()
        for name, text in (("__init__", ""), ("app", APP), ("parts", part("first", 1)), ("more", part("second", 1))):
            self.save(name, text)
        (directory / "server.py").write_text(SERVER, encoding="utf-8")
        self.log = directory / "log"
        program = [one.replace("PORT", str(self.port)) for one in command or ["server.py", "PORT"]]
        if on_terminal:
            import pty  # which is not there without terminals

            try:
                self.keys, reading = pty.openpty()
            except OSError:
                pytest.skip("no terminal can be opened here")
        else:
            reading, self.keys = os.pipe()
        with self.log.open("wb") as log:
            self.command = subprocess.Popen(
                [sys.executable, "-m", "blockfreeze", "watch", "shop", "--", *program],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=reading,
                stdout=log,
                stderr=log,
            )
        os.close(reading)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)

    def save(self, name: str, text: str) -> None:
        """Save a file as editors do: another one takes its place."""
        other = self.package / f".{name}.new"
        other.write_text(text, encoding="utf-8")
        other.replace(self.package / f"{name}.py")

    def connected(self) -> Watched:
        """Wait until the program serves."""

        def begin() -> bool:
            try:
                self.connection.connect()
            except OSError:
                return False
            return True

        until(begin)
        return self

    def ask(self, path: str = "/") -> list[str]:
        """Ask on the one connection; nothing opens another."""
        assert self.connection.sock is not None
        self.connection.request("GET", path)
        return self.connection.getresponse().read().decode().split()

    def until(self, first: object, second: object) -> list[str]:
        """Ask until the answer is as wanted."""
        return until(lambda: found if (found := self.ask())[:2] == [str(first), str(second)] else [])

    def said(self, text: str) -> str:
        """Wait until the command has said so, and return all that it has said."""
        return until(lambda: found if text in (found := self.log.read_text(encoding="utf-8")) else "")

    def type(self, key: str) -> None:
        os.write(self.keys, f"{key}\n".encode())

    def end(self) -> None:
        self.connection.close()
        os.close(self.keys)
        if self.command.poll() is None:
            self.command.terminate()
        self.command.wait(LIMIT)
        print(self.log.read_text(encoding="utf-8"))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(command: list[str] | None = None, **more: bool) -> Watched:
        started.append(Watched(tmp_path, command, **more))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_a_save_is_served_on_a_connection_that_stays_with_the_state_that_was(watched: Any) -> None:
    program = watched().connected()
    assert program.ask()[:3] == ["1", "1", "1"]
    asked = int(program.until(1, 1)[2])
    program.save("parts", part("first", 2))
    answer = program.until(2, 1)
    assert int(answer[2]) > asked
    program.save("parts", part("first", 3))
    assert program.until(3, 1)[3] == answer[3]  # the process
    assert "1 changed" in program.said("1 changed")


def test_files_that_are_saved_together_are_one_swap(watched: Any) -> None:
    program = watched().connected()
    for number in (2, 3):
        program.save("parts", part("first", number))
        program.save("more", part("second", number))
        assert program.until(number, number)[4] == str(number)
    assert "shop/more.py, shop/parts.py: serves" in program.said("shop/more.py")


def test_what_cannot_be_swapped_in_is_shown_and_what_serves_goes_on(watched: Any) -> None:
    program = watched().connected()
    program.save("parts", "def first(:\n    return 2\n")
    said = program.said("^")
    assert "shop/parts.py: refused, the version before serves" in said
    assert "def first(:" in said
    program.save("more", part("second", 2))  # not enough: the other file is broken still
    until(lambda: program.log.read_text(encoding="utf-8").count("^") == 2)
    assert program.ask()[:2] == ["1", "1"]
    program.save("parts", "raise LookupError('half-way')\n")
    program.said("half-way")
    assert program.ask()[:2] == ["1", "1"]
    program.save("parts", part("first", 2))
    program.until(2, 2)


@pytest.mark.parametrize("on_terminal", [False, True], ids=["pipe", "terminal"])
def test_a_key_is_the_way_back(watched: Any, on_terminal: bool) -> None:
    program = watched(on_terminal=on_terminal).connected()
    program.type("b")
    program.said("back: refused")
    program.save("parts", part("first", 2) + "TABLE = []\n")
    program.until(2, 1)
    program.type("b")
    program.until(1, 1)
    program.save("more", part("second", 3))
    program.until(2, 3)


def test_what_serves_already_is_no_version_more(watched: Any) -> None:
    program = watched().connected()
    program.save("parts", part("first", 2))
    program.until(2, 1)
    program.save("parts", "def first(:\n")
    program.said("refused")
    program.save("parts", part("first", 2))
    program.said("as it serves already")
    program.type("b")
    program.until(1, 1)
    program.save("parts", part("first", 2))  # which does not serve any more
    program.until(2, 1)


def test_a_program_that_fails_is_started_again_by_a_save(watched: Any) -> None:
    program = watched().connected()
    before = program.ask()[3]
    program.save("parts", "raise LookupError\n")
    program.said("LookupError")
    program.type("r")
    program.said("has ended with status 1")
    program.save("parts", part("first", 2))
    program.said("the program is started again")
    program.connection.close()
    answer = program.connected().ask()
    assert answer[:3] == ["2", "1", "1"]
    assert answer[3] != before


def test_it_ends_with_the_program_and_the_program_with_it(watched: Any, tmp_path: Path) -> None:
    program = watched().connected()
    program.ask("/end")
    assert program.command.wait(LIMIT) == 0
    (tmp_path / "again").mkdir()
    other = Watched(tmp_path / "again").connected()
    pid = int(other.ask()[3])
    other.command.send_signal(signal.SIGTERM)
    assert other.command.wait(LIMIT) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    other.end()


@pytest.mark.needs_servers
def test_every_process_of_a_server_is_swapped(watched: Any, tmp_path: Path) -> None:
    asgi = (
        "from shop.app import answer\n"
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'connection', b'close')]})\n"
        "    await send({'type': 'http.response.body', 'body': answer().encode()})\n"
    )
    (tmp_path / "site_app.py").write_text(asgi, encoding="utf-8")
    program = watched(["uvicorn", "--lifespan", "off", "--workers", "2", "--port", "PORT", "site_app:app"])
    until(lambda: program.log.read_text(encoding="utf-8").count("Started server process") == 2)
    program.save("parts", part("first", 2))
    assert "in 2 processes" in program.said("in 2 processes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "--", "server.py"], "nowhere: there is no such module here"),
        (["shop", "--source", ".", "--", "no-such-program"], "no-such-program: there is no such command"),
    ],
)
def test_what_cannot_begin_says_why(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["watch", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    assert main(["watch", "json", "--", "server.py"]) == 2
    assert "pip install 'blockfreeze[watch]'" in capsys.readouterr().err

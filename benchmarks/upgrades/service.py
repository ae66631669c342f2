"""The service: it makes what a program would hold, once, and uses it for each request."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    """Answers with what one of the program's functions returns."""

    protocol_version = "HTTP/1.1"
    asked: dict[str, Callable[[], object]]

    def do_GET(self) -> None:
        try:
            status, text = 200, repr(self.asked[self.path]())
        except Exception as error:
            status, text = 500, f"{type(error).__name__}: {error}"
        body = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - it is called so
        """Say nothing."""


def main(orders: str) -> None:
    """Serve until the process is ended; the port is written into a file.

    Args:
        orders: JSON: the lines of the program, and the file for the port.
    """
    told = json.loads(Path(orders).read_text(encoding="utf-8"))
    program = sys.modules["program"] = ModuleType("program")
    exec(compile("\n".join(told["lines"]), "<program>", "exec"), vars(program))
    _Handler.asked = {"/use": vars(program)["use"], "/hole": vars(program)["is_open"]}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    Path(told["port"]).write_text(str(server.server_port), encoding="utf-8")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])

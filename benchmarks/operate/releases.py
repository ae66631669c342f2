"""The releases of the package that is served, and the programs beside it that are no part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.shapes.served import APPLICATIONS

__all__ = ["PROGRAMS", "write_release"]

_PARTS: Final = """
NUMBER = {number}

def first():
    return NUMBER

def second():
    return {number}
"""

_APP: Final = """
from . import parts
from .parts import first

def answer():
    return f"{{first()}} {{parts.second()}} {{parts.NUMBER}} {number}".encode()
{applications}"""

_IN_FLASK: Final = """
from flask import Flask

from .app import answer

app = Flask("shop")

@app.get("/")
def index():
    return answer()
"""

_IN_FASTAPI: Final = """
from fastapi import FastAPI, Response

from .app import answer

app = FastAPI()

@app.get("/")
async def index():
    return Response(answer(), media_type="text/plain")
"""

_IN_DJANGO: Final = """
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from .app import answer

if not settings.configured:
    settings.configure(SECRET_KEY="no secret", ALLOWED_HOSTS=["*"], ROOT_URLCONF="shop.in_django", MIDDLEWARE=[])

def index(request):
    body = answer()
    return HttpResponse(body, headers={{"Content-Length": str(len(body))}})

urlpatterns = [path("", index)]
app = get_wsgi_application()
asgi = get_asgi_application()
"""

_RELOADING: Final = """
import importlib, os, threading, time
import shop.app, shop.parts

def app(environ, start_response):
    return shop.app.app(environ, start_response)

def follow():
    seen = os.readlink("current")
    while True:
        now = os.readlink("current")
        if now != seen:
            seen = now
            importlib.reload(shop.parts)
            importlib.reload(shop.app)
        time.sleep(0.01)

threading.Thread(target=follow, daemon=True).start()
"""

_SERVING: Final = """
import asyncio, multiprocessing, signal, sys
from concurrent.futures import ProcessPoolExecutor

import shop.app

async def talk(reader, writer, pool):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            loop = asyncio.get_running_loop()
            body = await loop.run_in_executor(pool, shop.app.answer) if pool else shop.app.answer()
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()

async def main():
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(2, mp_context=spawned) if "pool" in sys.argv else None
    def talking(reader, writer):
        return talk(reader, writer, pool)

    async with await asyncio.start_server(talking, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

if __name__ == "__main__":
    # As an interrupt does, it ends the processes of the pool as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asyncio.run(main())
"""

PROGRAMS: Final = {"reloading": _RELOADING, "serving": _SERVING}
"""Modules that are written beside the releases, by name."""

_MODULES: Final = {
    "__init__": "",
    "parts": _PARTS,
    "app": _APP,
    "in_flask": _IN_FLASK,
    "in_fastapi": _IN_FASTAPI,
    "in_django": _IN_DJANGO,
}


def write_release(place: Path, number: int) -> Path:
    """Write a release into a directory, and return that: each answer has its number four times."""
    (place / "shop").mkdir(parents=True, exist_ok=True)
    for name, text in _MODULES.items():
        written = text.format(number=number, applications=APPLICATIONS)
        (place / "shop" / f"{name}.py").write_text(written, encoding="utf-8")
    return place

"""Django without models: views, middleware, signals, the URL resolver, context processors, filters and handlers."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from conftest import Workshop
from frameworks import django, follow, frameworks_out_of_sight, second, statements  # noqa: F401 - fixtures

import blockfreeze as bf

pytestmark = pytest.mark.needs_frameworks

VIEWS = """
from django.dispatch import receiver
from django.http import HttpResponse
from django.template import Library, engines
from django.urls import reverse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
import blockfreeze as bf
import a_signal

register = Library()
seen = bf.defvar("seen", list)

def mark():
    return "1"

@register.filter
def loud(word):
    return word + mark()

def context(request):
    return {"who": "said " + mark()}

def index(request):
    return HttpResponse("said " + mark() + reverse("index"))

def rendered(request):
    template = engines["django"].from_string("{% load the_tags %}{{ who }} {{ 'x'|loud }}")
    return HttpResponse(template.render({}, request))

@csrf_exempt
@require_GET
def decorated(request):
    return HttpResponse("decorated " + mark())

class Page(View):
    def get(self, request, name):
        return HttpResponse(name + mark())

async def awaited(request):
    return HttpResponse("awaited " + mark())

def fail(request):
    raise KeyError

class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["Mark"] = mark()
        return response

    def process_exception(self, request, error):
        return HttpResponse("error " + mark())

@receiver(a_signal.ping)
@bf.entry
def on_ping(sender, **named):
    seen.append("ping " + mark())

def missing(request, exception):
    return HttpResponse("missing " + mark(), status=404)
"""
URLS = """
from django.urls import path
import django_views as views

handler404 = views.missing
urlpatterns = [
    path("", views.index, name="index"),
    path("rendered", views.rendered),
    path("decorated", views.decorated),
    path("page/<name>", views.Page.as_view()),
    path("awaited", views.awaited),
    path("fail", views.fail),
]
"""
PATHS = ("/", "/rendered", "/decorated", "/page/x", "/awaited", "/fail", "/none")
OLD = ["said 1/", "said 1 x1", "decorated 1", "x1", "awaited 1", "error 1", "missing 1", "1", "ping 1"]
NEW = ["told 2/", "told 2 x2", "decorated 2", "x2", "awaited 2", "error 2", "missing 2", "2", "ping 2"]


@pytest.fixture
def site(workshop: Workshop, django: ModuleType) -> Iterator[Any]:  # noqa: F811
    """Django's settings and client for a project whose URLs are in the module ``django_urls``."""
    from django.test import Client, override_settings
    from django.urls import clear_url_caches

    backend = "django.template.backends.django.DjangoTemplates"
    options = {"context_processors": ["django_views.context"], "libraries": {"the_tags": "django_views"}}
    workshop.write("a_signal.py", "from django.dispatch import Signal\n\nping = Signal()\n")
    workshop.write("django_urls.py", URLS)
    with override_settings(
        ROOT_URLCONF="django_urls", MIDDLEWARE=[], TEMPLATES=[{"BACKEND": backend, "OPTIONS": options}]
    ) as settings:
        yield lambda *middleware: (override_settings(MIDDLEWARE=list(middleware)).enable(), Client())[1]
    del settings
    clear_url_caches()


@pytest.mark.needs_event_loop
def test_views_middleware_signals_and_templates_serve_the_new_version(workshop: Workshop, site: Any) -> None:
    views = workshop.freeze("django_views", VIEWS)
    client = site("django_views.Middleware")

    def answers() -> list[str]:
        found = [client.get(path) for path in PATHS]
        views.a_signal.ping.send(None)
        return [*(one.content.decode() for one in found), found[0]["Mark"], *views.seen[-1:]]

    report = follow(views, VIEWS, answers, OLD, NEW)
    (found,) = report.unreached  # the engine has the library, whose functions are the new version's
    assert str(found).startswith("django_views.register: the Library of generation 1 is still held by a ")
    assert len(views.seen) == 4  # the receiver is connected once


def test_a_receiver_without_entry_is_connected_again_and_the_report_says_so(workshop: Workshop, site: Any) -> None:
    text = VIEWS.replace("@bf.entry\n", "")
    views = workshop.freeze("django_views", text)
    report = bf.swap(views, source=second(text))
    views.a_signal.ping.send(None)
    assert views.seen == ["ping 2", "ping 2"]
    assert "@receiver(a_signal.ping) on on_ping" in statements(report)


MIDDLEWARE = """
from django.http import HttpResponse

def mark():
    return "1"

def middleware(get_response):
    def call(request):
        response = get_response(request)
        response["Mark"] = mark()
        return response
    return call

def missing(request, exception):
    return HttpResponse("missing " + mark(), status=404)

index = rendered = decorated = awaited = fail = missing

class Page:
    @staticmethod
    def as_view():
        return missing
"""


def test_the_closure_that_a_middleware_function_returns_follows(workshop: Workshop, site: Any) -> None:
    views = workshop.freeze("django_views", MIDDLEWARE)
    client = site("django_views.middleware")
    assert client.get("/none")["Mark"] == "1"
    assert bf.swap(views, source=second(MIDDLEWARE)).unreached == ()
    bf.drain(views)
    answer = client.get("/none")
    assert (answer["Mark"], answer.content) == ("2", b"missing 2")
    bf.rollback(views)
    assert client.get("/none")["Mark"] == "1"


def test_the_closure_of_a_middleware_function_that_has_changed_stays_and_is_reported(
    workshop: Workshop, site: Any
) -> None:
    views = workshop.freeze("django_views", MIDDLEWARE)
    client = site("django_views.middleware")
    assert client.get("/none")["Mark"] == "1"
    changed = second(MIDDLEWARE).replace('response["Mark"] = mark()', 'response["Mark"] = "new " + mark()')
    (found,) = bf.swap(views, source=changed).unreached
    assert str(found) == (
        "django_views.middleware.<locals>.call: 1 made at line 8 "
        "are held by a cell, a dict, and go on with generation 1"
    )
    bf.drain(views)
    answer = client.get("/none")
    assert (answer["Mark"], answer.content) == ("1", b"missing 2")
    assert site("django_views.middleware").get("/none")["Mark"] == "new 2"

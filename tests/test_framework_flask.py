"""Flask: routes, hooks, handlers, blueprints, filters and commands, in an application that has served already."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop
from frameworks import follow, frameworks_out_of_sight, second, statements  # noqa: F401 - a fixture

import blockfreeze as bf

pytestmark = pytest.mark.needs_frameworks

VIEWS = """
from flask import current_app, g, request, session
from flask.views import MethodView, View

def mark():
    return "1"

def index():
    return "said " + mark()

def before():
    g.before = mark()

def after(response):
    response.headers["Mark"] = mark()
    return response

def on_error(error):
    return "error " + mark(), 500

def fail():
    raise ValueError(mark())

class Page(MethodView):
    def get(self, name):
        return name + mark() + g.before + request.method[:0] + current_app.name[:0] + str(session)[:0]

class Kept(View):
    init_every_request = False

    def dispatch_request(self):
        return "kept " + mark()
"""


def test_what_is_registered_outside_of_the_block_serves_the_new_version(workshop: Workshop) -> None:
    from flask import Flask

    views = workshop.freeze("views", VIEWS)
    app = Flask("shop")
    app.add_url_rule("/", view_func=views.index)
    app.add_url_rule("/fail", view_func=views.fail)
    app.add_url_rule("/page/<name>", view_func=views.Page.as_view("page"))
    app.add_url_rule("/kept", view_func=views.Kept.as_view("kept"))
    app.before_request(views.before)
    app.after_request(views.after)
    app.register_error_handler(ValueError, views.on_error)
    client = app.test_client()

    def answers() -> list[str]:
        found = [client.get(path) for path in ("/", "/fail", "/page/a", "/kept")]
        return [*(one.text for one in found), found[0].headers["Mark"]]

    report = follow(
        views, VIEWS, answers, ["said 1", "error 1", "a11", "kept 1", "1"], ["told 2", "error 2", "a22", "kept 2", "2"]
    )
    assert report.unreached == ()


LIVE = """
import blockfreeze as bf
from flask import Flask, g, render_template_string

app = bf.defvar("app", lambda: Flask("live"))
seen = bf.defvar("seen", list)

def mark():
    return "1"

@app.route("/")
@bf.entry
def index():
    return render_template_string("{{ who }} {{ 'x'|loud }} {{ g.before }}")

@app.before_request
@bf.entry
def before():
    g.before = mark()

@app.after_request
@bf.entry
def after(response):
    response.headers["Mark"] = mark()
    return response

@app.teardown_request
@bf.entry
def teardown(error):
    seen.append(mark())

@app.errorhandler(404)
@bf.entry
def missing(error):
    return "missing " + mark(), 404

@app.template_filter("loud")
@bf.entry
def loud(word):
    return word + mark()

@app.context_processor
@bf.entry
def context():
    return {"who": "said " + mark()}
"""


def live(module: Any) -> list[str]:
    client = module.app.test_client()
    found = client.get("/")
    return [found.text, found.headers["Mark"], client.get("/none").text, module.seen[-1]]


def test_a_live_application_in_the_block_is_told_once_of_what_is_above_entry(workshop: Workshop) -> None:
    module = workshop.freeze("live", LIVE)
    app = module.app
    report = follow(
        module,
        LIVE,
        lambda: live(module),
        ["said 1 x1 1", "1", "missing 1", "1"],
        ["told 2 x2 2", "2", "missing 2", "2"],
    )
    assert (report.unreached, report.done_again, module.app is app) == ((), (), True)
    assert [len(one) for one in (app.before_request_funcs[None], app.after_request_funcs[None])] == [1, 1]


@pytest.mark.parametrize("change", ["without entry", "a new route"])
def test_a_live_application_refuses_what_is_told_again_and_the_old_version_serves(
    workshop: Workshop, change: str
) -> None:
    text = LIVE.replace("@bf.entry\n", "") if change == "without entry" else LIVE
    new = second(text) if change == "without entry" else second(LIVE).replace('route("/")', 'route("/other")')
    module = workshop.freeze("live", text)
    assert live(module)[1] == "1"
    with pytest.raises(bf.PrepareError, match="The setup method 'route' can no longer be called"):
        bf.swap(module, source=new)
    assert live(module) == ["said 1 x1 1", "1", "missing 1", "1"]


def test_an_application_that_each_generation_makes_is_served_whole_by_wsgi_entry(workshop: Workshop) -> None:
    from werkzeug.test import Client

    text = LIVE.replace('bf.defvar("app", lambda: Flask("live"))', 'Flask("live")')
    module = workshop.freeze("live", text)
    client = Client(bf.wsgi_entry("live:app"))
    assert client.get("/").text == "said 1 x1 1"
    bf.swap(module, source=second(text).replace('route("/")', 'route("/other")'))
    assert (client.get("/other").text, client.get("/").text) == ("told 2 x2 2", "missing 2")


BLUEPRINT = """
from flask import Blueprint, g

blueprint = Blueprint("part", __name__)

def mark():
    return "1"

@blueprint.route("/")
def index():
    return "said " + mark() + g.before

@blueprint.before_request
def before():
    g.before = mark()

@blueprint.get("/fail")
def fail():
    raise KeyError

@blueprint.errorhandler(KeyError)
def on_error(error):
    return "error " + mark()
"""


def test_a_registered_blueprint_serves_the_new_version_of_what_it_had_and_is_reported(workshop: Workshop) -> None:
    from flask import Flask

    part = workshop.freeze("part", BLUEPRINT)
    app = Flask("whole")
    app.register_blueprint(part.blueprint, url_prefix="/part")
    client = app.test_client()

    def answers() -> list[str]:
        return [client.get(path).text for path in ("/part/", "/part/fail")]

    report = follow(part, BLUEPRINT, answers, ["said 11", "error 1"], ["told 22", "error 2"])
    (found,) = report.unreached
    assert str(found) == "part.blueprint: the Blueprint of generation 1 is still held by a dict"
    bf.swap(part, source=BLUEPRINT + '\n@blueprint.get("/new")\ndef new():\n    return "new"\n')
    assert client.get("/part/new").status_code == 404  # the application has the first blueprint, as the report says


COMMAND = """
import blockfreeze as bf
from flask import Flask

app = bf.defvar("app", lambda: Flask("commands"))

def mark():
    return "1"

@app.cli.command("go")
def go():
    print("said " + mark(), end="")
"""


def test_a_command_is_entered_again_under_its_name_and_runs_the_new_version(workshop: Workshop) -> None:
    module = workshop.freeze("commands_of_app", COMMAND)
    held = module.go
    runner = module.app.test_cli_runner()

    def answers() -> list[str]:
        return [runner.invoke(args=["go"]).output, runner.invoke(held).output]

    report = follow(module, COMMAND, answers, ["said 1", "said 1"], ["told 2", "told 2"])
    assert statements(report) == ["@app.cli.command('go') on go"]
    assert "go" in module.app.cli.commands

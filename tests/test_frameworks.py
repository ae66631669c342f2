"""Real frameworks: what a user writes, swapped, and what the framework then serves and has registered."""

from __future__ import annotations

import gc
import importlib
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf

pytestmark = pytest.mark.needs_frameworks


@pytest.fixture(scope="module", autouse=True)
def _frameworks_out_of_sight() -> Iterator[None]:
    """Take what the frameworks have made out of the collector's sight; each drain would walk through it."""
    yield
    gc.collect()
    gc.freeze()


def second(text: str) -> str:
    """Return the next version of a text: its helpers say so, and so does a method."""
    return text.replace('"1"', '"2"').replace("said", "told")


SQLALCHEMY = """
from sqlalchemy import ForeignKey, String, create_engine, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, validates
from sqlalchemy.pool import StaticPool

class Base(DeclarativeBase):
    pass

def mark():
    return "1"

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30))
    items: Mapped[list["Item"]] = relationship(back_populates="user")

    def describe(self):
        return f"{self.name} said {mark()}"

    @property
    def mark(self):
        return mark()

    @hybrid_property
    def loud(self):
        return self.name + mark()

    @validates("name")
    def check(self, key, value):
        return value + mark()

class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User] = relationship(back_populates="items")

    def who(self):
        return self.user.describe()

def run():
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Item(user=User(name="Ann")))
        session.commit()
        (item,) = session.scalars(select(Item))
        found = item.who(), item.user.mark, item.user.loud
    engine.dispose()
    return found
"""


def test_sqlalchemy_models_keep_their_tables_and_have_new_methods(workshop: Workshop) -> None:
    workshop.write("models.py", SQLALCHEMY)
    models = bf.freeze_block("models")
    user, tables = models.User, dict(models.Base.metadata.tables)
    assert models.run() == ("Ann1 said 1", "1", "Ann11")
    for change, expected in (
        (lambda: bf.swap(models, source=second(SQLALCHEMY)), ("Ann2 told 2", "2", "Ann22")),
        (lambda: bf.rollback(models), ("Ann1 said 1", "1", "Ann11")),
    ):
        report = change()
        assert report.replaced_classes == report.unreached == ()
        assert models.run() == expected
        assert models.User is user
        assert dict(models.Base.metadata.tables) == tables


@pytest.mark.filterwarnings("ignore:This declarative base already contains a class")  # it warns before it refuses
def test_a_model_whose_table_changes_is_refused_by_sqlalchemy_and_the_old_one_serves(workshop: Workshop) -> None:
    workshop.write("models.py", SQLALCHEMY)
    models = bf.freeze_block("models")
    with pytest.raises(bf.PrepareError, match="Table 'user' is already defined"):
        bf.swap(models, source=second(SQLALCHEMY).replace("String(30)", "String(40)"))
    assert models.run() == ("Ann1 said 1", "1", "Ann11")


PYDANTIC = """
from pydantic import BaseModel, computed_field, field_validator, model_validator

def mark():
    return "1"

class Item(BaseModel):
    name: str
    number: int = 1

    @field_validator("name")
    @classmethod
    def tidy(cls, value):
        return value + mark()

    @model_validator(mode="after")
    def check(self):
        self.__dict__["checked"] = mark()
        return self

    @computed_field
    def computed(self) -> str:
        return mark()

    def describe(self):
        return "said " + mark()

class Order(BaseModel):
    items: list[Item]

def run():
    order = Order(items=[{"name": "x"}])
    item = order.items[0]
    return item.name, item.__dict__["checked"], item.describe(), order.model_dump()["items"][0]["computed"]
"""


def test_pydantic_models_validate_with_new_functions_and_stay_the_same_classes(workshop: Workshop) -> None:
    workshop.write("schemas.py", PYDANTIC)
    schemas = bf.freeze_block("schemas")
    kinds = schemas.Item, schemas.Order
    made_before = schemas.Item(name="y")
    assert schemas.run() == ("x1", "1", "said 1", "1")
    bf.swap(schemas, source=second(PYDANTIC))
    assert schemas.run() == ("x2", "2", "told 2", "2")
    assert (schemas.Item, schemas.Order) == kinds
    assert schemas.Order(items=[made_before]).items == [made_before]
    bf.rollback(schemas)
    assert schemas.run() == ("x1", "1", "said 1", "1")


def test_a_pydantic_model_with_another_field_is_a_second_class_and_so_is_what_holds_it(workshop: Workshop) -> None:
    workshop.write("schemas.py", PYDANTIC)
    schemas = bf.freeze_block("schemas")
    old = schemas.Item(name="y")
    text = second(PYDANTIC).replace("number: int = 1", 'number: int = 1\n    colour: str = "red"')
    report = bf.swap(schemas, source=text)
    assert [one.name for one in report.replaced_classes] == ["schemas.Item", "schemas.Order"]
    assert schemas.run() == ("x2", "2", "told 2", "2")
    assert (schemas.Item(name="z").colour, old.describe()) == ("red", "said 1")
    bf.rollback(schemas)
    assert (schemas.run(), type(old) is schemas.Item) == (("x1", "1", "said 1", "1"), True)


DJANGO = """
from django.db import models

def mark():
    return "1"

class Person(models.Model):
    name = models.CharField(max_length=30)

    class Meta:
        app_label = "shop"

    def greet(self):
        return f"{self.name} said {mark()}"

    @property
    def mark(self):
        return mark()

    @classmethod
    def of_class(cls):
        return mark()

    def save(self, **named):
        super().save(**named)
        self.saved = mark()

class Dog(models.Model):
    owner = models.ForeignKey(Person, on_delete=models.CASCADE)

    class Meta:
        app_label = "shop"

    def who(self):
        return self.owner.greet()

def run():
    Dog.objects.all().delete()
    Person.objects.all().delete()
    ann = Person(name="Ann")
    ann.save()
    Dog(owner=ann).save()
    dog = Dog.objects.select_related("owner").first()
    return ann.saved, ann.mark, Person.of_class(), dog.who(), Person.objects.count()
"""


@pytest.fixture
def django() -> Iterator[ModuleType]:
    import django
    from django.conf import settings

    if not settings.configured:
        databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        settings.configure(
            INSTALLED_APPS=[], DATABASES=databases, DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True
        )
        django.setup()
    from django.apps import apps
    from django.db import connection

    yield importlib.import_module("django.db")
    connection.close()
    apps.all_models.pop("shop", None)
    apps.clear_cache()


def test_django_models_are_registered_once_and_have_new_methods(workshop: Workshop, django: ModuleType) -> None:
    from django.apps import apps

    workshop.write("django_models.py", DJANGO)
    models = bf.freeze_block("django_models")
    with django.connection.schema_editor() as editor:
        editor.create_model(models.Person)
        editor.create_model(models.Dog)
    person = models.Person
    assert models.run() == ("1", "1", "1", "Ann said 1", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Django warns of a model that is registered again
        bf.swap(models, source=second(DJANGO))
    assert models.run() == ("2", "2", "2", "Ann told 2", 1)
    assert apps.all_models["shop"] == {"person": person, "dog": models.Dog}
    bf.rollback(models)
    assert (models.run(), models.Person is person) == (("1", "1", "1", "Ann said 1", 1), True)


FLASK_BLOCK = """
from flask import current_app, g, request, session
from flask.views import MethodView

def mark():
    return "1"

def index():
    return "said " + mark()

def before():
    g.before = mark()

def on_error(error):
    return "error " + mark(), 500

def fail():
    raise ValueError(mark())

class Page(MethodView):
    def get(self, name):
        return name + mark() + g.before + request.method[:0] + current_app.name[:0] + str(session)[:0]
"""


def test_flask_serves_the_new_version_through_everything_that_it_holds(workshop: Workshop) -> None:
    from flask import Flask

    workshop.write("views.py", FLASK_BLOCK)
    views = bf.freeze_block("views")
    app = Flask("shop")
    app.add_url_rule("/", view_func=views.index)
    app.add_url_rule("/fail", view_func=views.fail)
    app.add_url_rule("/page/<name>", view_func=views.Page.as_view("page"))
    app.before_request(views.before)
    app.register_error_handler(ValueError, views.on_error)
    client = app.test_client()

    def answers() -> list[str]:
        return [client.get(path).get_data(as_text=True) for path in ("/", "/fail", "/page/a")]

    assert answers() == ["said 1", "error 1", "a11"]
    bf.swap(views, source=second(FLASK_BLOCK))
    assert answers() == ["told 2", "error 2", "a22"]
    bf.drain(views)
    assert answers() == ["told 2", "error 2", "a22"]
    bf.rollback(views)
    assert answers() == ["said 1", "error 1", "a11"]
    assert "views" in sys.modules


FASTAPI_BLOCK = """
import blockfreeze as bf
from fastapi import Depends
from pydantic import BaseModel
from an_api import app

def mark():
    return "1"

def dependency():
    return "needs " + mark()

class Body(BaseModel):
    name: str

    def loud(self):
        return self.name + mark()

@app.get("/async")
@bf.entry
async def awaited(found: str = Depends(dependency)):
    return ["said " + mark(), found]

@app.get("/sync")
@bf.entry
def threaded():
    return mark()

@app.post("/body")
@bf.entry
def posted(body: Body):
    return body.loud()
"""


@pytest.mark.needs_threads
@pytest.mark.filterwarnings("ignore:Using `httpx`")
def test_fastapi_serves_the_new_version_and_has_each_route_once(workshop: Workshop) -> None:
    from fastapi.testclient import TestClient

    workshop.write("an_api.py", "from fastapi import FastAPI\n\napp = FastAPI()\n")
    workshop.write("endpoints.py", FASTAPI_BLOCK)
    endpoints = bf.freeze_block("endpoints")
    app = workshop.load("an_api").app
    client, routes = TestClient(app), list(app.routes)

    def answers() -> list[object]:
        posted = client.post("/body", json={"name": "x"})
        return [*client.get("/async").json(), client.get("/sync").json(), posted.json()]

    assert answers() == ["said 1", "needs 1", "1", "x1"]
    bf.swap(endpoints, source=second(FASTAPI_BLOCK))
    assert answers() == ["told 2", "needs 2", "2", "x2"]
    assert app.routes == routes
    app.dependency_overrides[endpoints.dependency] = lambda: "another"
    assert answers()[1] == "another"
    bf.drain(endpoints)
    bf.rollback(endpoints)
    assert answers() == ["said 1", "another", "1", "x1"]


CELERY_BLOCK = """
from celery import shared_task
from a_queue import app

def mark():
    return "1"

@app.task
def plain(x):
    return x + " said " + mark()

@app.task(bind=True)
def bound(self, x):
    return self.name + x + mark()

@shared_task
def shared(x):
    return x + mark()
"""


@pytest.mark.filterwarnings("ignore:.*is already registered to a different callable")
def test_celery_runs_the_new_version_of_each_task_by_name_and_by_object(workshop: Workshop) -> None:
    workshop.write(
        "a_queue.py",
        "from celery import Celery\n\n"
        "app = Celery('shop', broker='memory://', backend='cache+memory://', set_as_current=True)\n"
        "app.conf.task_always_eager = True\n",
    )
    workshop.write("jobs.py", CELERY_BLOCK)
    jobs = bf.freeze_block("jobs")
    app = workshop.load("a_queue").app
    held = jobs.plain, jobs.bound, jobs.shared

    def answers() -> list[str]:
        found = [one.delay("a").get() for one in (*held, jobs.plain, jobs.bound, jobs.shared)]
        return [*found, app.tasks["jobs.plain"]("a")]

    old = ["a said 1", "jobs.bounda1", "a1"]
    new = ["a told 2", "jobs.bounda2", "a2"]
    assert answers() == [*old, *old, old[0]]
    names = set(app.tasks)
    bf.swap(jobs, source=second(CELERY_BLOCK))
    assert answers() == [*new, *new, new[0]]
    assert set(app.tasks) == names
    bf.drain(jobs)
    assert answers() == [*new, *new, new[0]]
    bf.rollback(jobs)
    assert answers() == [*old, *old, old[0]]


CLICK_BLOCK = """
import click

def mark():
    return "1"

@click.group()
def cli():
    pass

@cli.command()
@click.option("--times", default=1)
def hello(times):
    click.echo("said " + mark() * times, nl=False)

@click.command()
def other():
    click.echo(mark(), nl=False)
"""


def test_click_commands_that_were_taken_before_run_the_new_version(workshop: Workshop) -> None:
    from click.testing import CliRunner

    workshop.write("commands.py", CLICK_BLOCK)
    commands = bf.freeze_block("commands")
    runner, held = CliRunner(), (commands.cli, commands.other)

    def answers() -> list[str]:
        groups = [runner.invoke(one, ["hello", "--times", "2"]).output for one in (commands.cli, held[0])]
        return [*groups, runner.invoke(held[1]).output]

    assert answers() == ["said 11", "said 11", "1"]
    bf.swap(commands, source=second(CLICK_BLOCK))
    assert answers() == ["told 22", "told 22", "2"]
    bf.drain(commands)
    assert answers() == ["told 22", "told 22", "2"]
    bf.rollback(commands)
    assert answers() == ["said 11", "said 11", "1"]


PROMETHEUS_BLOCK = """
import blockfreeze as bf
from prometheus_client import Counter

hits = bf.defvar("hits", lambda: Counter("block_hits_total", "Calls of hit"))

def hit():
    hits.inc()
    return "1"
"""


def test_a_metric_is_registered_once_and_goes_on_to_count(workshop: Workshop) -> None:
    from prometheus_client import REGISTRY

    workshop.write("metrics.py", PROMETHEUS_BLOCK)
    metrics = bf.freeze_block("metrics")
    try:
        assert metrics.hit() == "1"
        bf.swap(metrics, source=second(PROMETHEUS_BLOCK))
        assert metrics.hit() == "2"
        assert REGISTRY.get_sample_value("block_hits_total") == 2
    finally:
        REGISTRY.unregister(metrics.hits)

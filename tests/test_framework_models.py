"""Models: pydantic, SQLAlchemy and Django, swapped; their classes stay, and are registered once."""

from __future__ import annotations

import warnings
from types import ModuleType

import pytest
from conftest import Workshop
from frameworks import django, frameworks_out_of_sight, second  # noqa: F401 - fixtures

import blockfreeze as bf

pytestmark = pytest.mark.needs_frameworks


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
    models = workshop.freeze("models", SQLALCHEMY)
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
    models = workshop.freeze("models", SQLALCHEMY)
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
    schemas = workshop.freeze("schemas", PYDANTIC)
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
    schemas = workshop.freeze("schemas", PYDANTIC)
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


def test_django_models_are_registered_once_and_have_new_methods(workshop: Workshop, django: ModuleType) -> None:  # noqa: F811
    from django.apps import apps

    models = workshop.freeze("django_models", DJANGO)
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


DJANGO_USER = """
from django.db.models.signals import post_save
from django.dispatch import receiver
import blockfreeze as bf
import outer_models

seen = bf.defvar("seen", list)

def mark():
    return "1"

@receiver(post_save, sender=outer_models.Thing)
@bf.entry
def saved(sender, instance, **named):
    seen.append(instance.name + mark())

def run():
    outer_models.Thing(name="said ").save()
    return [outer_models.Thing.objects.count(), seen.pop(), len(seen)]
"""


def test_django_models_outside_of_the_block_keep_their_signals(workshop: Workshop, django: ModuleType) -> None:  # noqa: F811
    workshop.write(
        "outer_models.py",
        "from django.db import models\n\nclass Thing(models.Model):\n    name = models.CharField(max_length=30)\n\n"
        "    class Meta:\n        app_label = 'shop'\n",
    )
    module = workshop.freeze("uses_models", DJANGO_USER)
    with django.connection.schema_editor() as editor:
        editor.create_model(module.outer_models.Thing)
    assert module.run() == [1, "said 1", 0]
    assert bf.swap(module, source=second(DJANGO_USER)).done_again == ()
    assert module.run() == [2, "told 2", 0]
    bf.drain(module)
    assert module.run() == [3, "told 2", 0]
    bf.rollback(module)
    assert module.run() == [4, "said 1", 0]

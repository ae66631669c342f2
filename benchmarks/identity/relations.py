"""The relations that are asked: what a program relies on between an object from before and one of the new version."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, get_type_hints

__all__ = ["RELATIONS", "Relation"]

Relation = Callable[[Any, Any], object]
"""Asked with the module ``accounts`` as it is now, and the program ``client``; true, false, or raises."""


def _is(accounts: Any, client: Any) -> object:
    return client.Account is accounts.Account


def _old_is_instance(accounts: Any, client: Any) -> object:
    return isinstance(client.account, accounts.Account) and accounts.takes(client.account)


def _new_is_instance(accounts: Any, client: Any) -> object:
    return isinstance(accounts.Account("Cid"), client.Account)


def _except(accounts: Any, client: Any) -> object:
    try:
        accounts.fail()
    except client.Failure:
        return True
    except Exception:
        return False
    raise AssertionError("nothing was raised")


def _match(accounts: Any, client: Any) -> object:
    match client.account:
        case accounts.Account(owner="Ann"):
            return True
    return False


def _old_pickle(accounts: Any, client: Any) -> object:
    found = pickle.loads(client.pickled)
    return isinstance(found, accounts.Account) and found.told() == 2


def _old_object_pickled_now(accounts: Any, client: Any) -> object:
    return isinstance(pickle.loads(pickle.dumps(client.account)), accounts.Account)


def _new_pickle(accounts: Any, client: Any) -> object:
    return isinstance(pickle.loads(pickle.dumps(accounts.Account("Cid"))), client.Account)


def _member(accounts: Any, client: Any) -> object:
    return client.red is accounts.Colour.RED and client.red == accounts.Colour(1)


def _member_as_key(accounts: Any, client: Any) -> object:
    return client.by_colour.get(accounts.Colour.RED) == "red"


def _equality(accounts: Any, client: Any) -> object:
    return client.point == accounts.Point(1, 2)


def _sentinel(accounts: Any, client: Any) -> object:
    return client.MISSING is accounts.MISSING and accounts.is_missing(client.MISSING)


def _sub_class(accounts: Any, client: Any) -> object:
    return issubclass(client.Savings, accounts.Account) and client.savings.is_one()


def _function(accounts: Any, client: Any) -> object:
    return client.answer is accounts.answer and client.answer() == 2


def _bound_method(accounts: Any, client: Any) -> object:
    return client.bound() == 2


def _method(accounts: Any, client: Any) -> object:
    return client.account.told() == 2 and getattr(client.account, "more", client.account.told)() == 2


def _bases(accounts: Any, client: Any) -> object:
    del client
    return (accounts.Account.__bases__, accounts.Failure.__bases__) == accounts.bases()


def _inherited(accounts: Any, client: Any) -> object:
    return client.savings.told() == 2


def _in_a_table(accounts: Any, client: Any) -> object:
    return client.table["answer"]() == 2 and client.table["answer"] is accounts.answer


def _partial(accounts: Any, client: Any) -> object:
    return client.part() == 2 and client.part.func is accounts.answer


def _wrapped(accounts: Any, client: Any) -> object:
    return client.wrapped() == 2 and client.wrapped.__wrapped__ is accounts.answer


def _class_method(accounts: Any, client: Any) -> object:
    return isinstance(client.make(), accounts.Account) and client.make().owner == 2


def _property(accounts: Any, client: Any) -> object:
    del accounts
    return client.account.number == 2


def _class_as_key(accounts: Any, client: Any) -> object:
    return client.by_class.get(accounts.Account) == "account"


def _dispatched(accounts: Any, client: Any) -> object:
    return client.described(accounts.Account("Cid")) == "account"


def _registered(accounts: Any, client: Any) -> object:
    return isinstance(accounts.Account("Cid"), client.Owned)


def _copied(accounts: Any, client: Any) -> object:
    return isinstance(copy.copy(client.account), accounts.Account) and copy.copy(client.red) is accounts.Colour.RED


def _hints(accounts: Any, client: Any) -> object:
    return get_type_hints(client.given)["account"] is accounts.Account


def _caught_before(accounts: Any, client: Any) -> object:
    return isinstance(client.error, accounts.Failure)


def _replaced(accounts: Any, client: Any) -> object:
    return dataclasses.replace(client.point, y=3) == accounts.Point(1, 3)


RELATIONS: Final[Mapping[str, Relation]] = MappingProxyType(
    {
        "the class that was imported `is` the module's": _is,
        "an old instance: `isinstance`": _old_is_instance,
        "a new instance: `isinstance` of the class that was imported": _new_is_instance,
        "`except` with the class that was imported": _except,
        "`match` of an old instance": _match,
        "a pickle from before, loaded": _old_pickle,
        "an old instance, pickled and loaded": _old_object_pickled_now,
        "a new pickle, for who has imported the class before": _new_pickle,
        "an enum member `is` the module's": _member,
        "an enum member as a key": _member_as_key,
        "equality of dataclass instances, old and new": _equality,
        "a sentinel `is` the module's": _sentinel,
        "a sub-class elsewhere: `issubclass`, and `isinstance` in the module": _sub_class,
        "a function that was imported is the module's, and new": _function,
        "a bound method from before runs the new version": _bound_method,
        "an old instance has the new methods": _method,
        "`super()` in a sub-class elsewhere reaches the new version": _inherited,
        "a function in a table of the program is the module's, and new": _in_a_table,
        "a partial of a function: likewise": _partial,
        "what wraps a function elsewhere: likewise": _wrapped,
        "a class method that was taken makes the module's instances, and new": _class_method,
        "a property of an old instance is new": _property,
        "the class as a key": _class_as_key,
        "`singledispatch`: what was registered for the class": _dispatched,
        "an abstract class elsewhere, with which the class was registered": _registered,
        "a copy of an old instance, and of a member": _copied,
        "the class in an annotation elsewhere": _hints,
        "an exception that was raised before: `isinstance`": _caught_before,
        "a dataclass instance with one field replaced": _replaced,
        "the module's classes have the bases of the new version": _bases,
    }
)
"""What the rows of the manual's table say, and how it is found out; in this order, in one process, after one update."""

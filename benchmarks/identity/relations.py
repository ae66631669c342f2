"""The relations that are asked: what a program relies on between an object from before and one of the new version."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

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
        "the module's classes have the bases of the new version": _bases,
    }
)
"""What the rows of the manual's table say, and how it is found out; in this order, in one process, after one update."""

"""Class attributes with more than one value that need more than to be chosen: data descriptors, and constructors."""

from __future__ import annotations

from types import FrameType
from typing import Any

from blockfreeze.core.safe_access import frame_of_caller, is_a
from blockfreeze.dispatch.uncompiled import CONSTRUCTOR, DATA
from blockfreeze.identity.new_instances import note_new_instance
from blockfreeze.identity.versioned_attribute import VersionedAttribute, documented_by_value
from blockfreeze.model.phase import Phase


@documented_by_value
class VersionedDataAttribute(VersionedAttribute):
    """A `VersionedAttribute` one of whose values is a data descriptor, such as a property."""

    __slots__ = ()

    kind_of_access = DATA

    def _get(self, frame: FrameType | None, instance: Any, owner: type | None) -> Any:
        value = self.choose(frame)
        if type(value) is property and type(instance) is owner:
            return value.__get__(instance, owner)
        if instance is not None and type(instance) is not owner and owner is not None:
            return getattr(instance, self.name)
        if instance is not None and not hasattr(type(value), "__set__"):
            own = getattr(instance, "__dict__", None)
            if own is not None and self.name in own:
                return own[self.name]
        return self._bind(frame, value, instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        chosen = self.choose(frame_of_caller())
        if hasattr(type(chosen), "__set__"):
            type(chosen).__set__(chosen, instance, value)
        else:
            self._own(instance)[self.name] = value

    def __delete__(self, instance: Any) -> None:
        chosen = self.choose(frame_of_caller())
        if hasattr(type(chosen), "__delete__"):
            type(chosen).__delete__(chosen, instance)
            return
        own = self._own(instance)
        if self.name not in own:
            raise AttributeError(self.name)
        del own[self.name]

    def _own(self, instance: Any) -> dict[str, Any]:
        own = getattr(instance, "__dict__", None)
        if own is None:
            raise AttributeError(f"{type(instance).__name__!r} object attribute {self.name!r} is read-only")
        found: dict[str, Any] = own
        return found


@documented_by_value
class VersionedConstructor(VersionedAttribute):
    """The `VersionedAttribute` of ``__init__``, which notes the instances that calls of a generation make."""

    __slots__ = ()

    kind_of_access = CONSTRUCTOR

    def _get(self, frame: FrameType | None, instance: Any, owner: type | None) -> Any:
        if instance is not None:
            generation, _ = self.reference.vector[0].locate(frame)
            if generation.classes.legacy or generation.phase is not Phase.IN_SERVICE:
                note_new_instance(generation, instance)
        return super()._get(frame, instance, owner)


def as_data(versioned: VersionedAttribute) -> VersionedDataAttribute:
    """Return a data descriptor that shares the values of `versioned`."""
    if is_a(versioned, VersionedDataAttribute):
        return versioned
    data = VersionedDataAttribute(versioned.block, versioned.owner, versioned.name, versioned.default)
    data.inner, data.outward = versioned.inner, versioned.outward
    return data

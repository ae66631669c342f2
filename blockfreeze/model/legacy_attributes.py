"""The attributes that classes of a user have from blockfreeze, because older generations made their instances."""

from __future__ import annotations

from typing import Final

LEGACY_OF: Final = "blockfreeze_legacy_of"
"""Of a legacy class: the class that it stands beside; see `blockfreeze.instances.legacy_classes`."""

LEGACY_VERSION: Final = "blockfreeze_version"
"""Of a legacy class: the version that its instances have, for converters."""

LEGACY_ASSIGNED: Final = "blockfreeze_assigned"
"""Of a legacy class: the names of the attributes that its methods assign to instances."""

LEGACY_METHODS: Final = "blockfreeze_legacy_methods"
"""The methods of older generations that a class goes on with, by entry.

Of each there may be several: by the number of the generation for which the class was left, and the latest one.
"""

LATEST: Final = 0
"""The number under which the method is that was left last."""

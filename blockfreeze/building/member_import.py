"""Imports of members by a later generation's body: what they name is loaded into the generation that is being built."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from typing import Any

from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.model.block import Generation


@skipped
def load_imported(
    generation: Generation, namespace: dict[str, Any], fromlist: Collection[str], level: int, name: str
) -> str:
    """Load the members that an import statement of a later generation's body names, as a cold start would.

    The import system finds their facades in ``sys.modules`` and would go on; what their bodies raise must be raised
    here, at the import statement.

    Returns:
        the name of the module that the statement means.
    """
    if level:
        package = namespace.get("__package__") or ""
        name = importlib.util.resolve_name("." * level + name, package)
    block = generation.block
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        prefix = ".".join(parts[:end])
        if block.covers(prefix):
            block.load_member(generation, prefix)
    member = generation.members.get(name)
    if member is not None and member.source.is_package:
        everything = member.namespace.get("__all__", ()) if "*" in fromlist else ()
        for item in (*fromlist, *everything):
            if item != "*" and item not in member.namespace and block.covers(f"{name}.{item}"):
                block.load_member(generation, f"{name}.{item}")
    return name if fromlist else parts[0]

"""Whether a block's functions may be audit hooks; see `blockfreeze.core.looks`."""

from __future__ import annotations

from blockfreeze.model.block import Generation


def may_have_audit_hooks(generation: Generation) -> bool:
    """Tell whether code of a generation mentions what registers one."""
    for linked in tuple(generation.build.linked.values()):
        names = (linked.code.co_names, *linked.linkage.mentions.values())
        if any("addaudithook" in one for one in names):
            return True
    return False

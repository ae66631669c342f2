"""What to change so that an update fits calls and objects that are under way.

The advice is that of those who did this for decades (comp.lang.lisp, 2006): widen first and change then; keyword
arguments and defaults, so that old callers and new functions fit; and a place for what old objects lack.
"""

from __future__ import annotations

from blockfreeze.core.report import SwapReport


def advice(error: BaseException | None, report: SwapReport | None) -> str:
    """Return what to change in the new version, as far as an error and the report of the swap tell.

    Args:
        error: what the call has raised; None if its result was wrong.
        report: of the swap; None if it was refused.
    """
    if report is None:
        return ""
    narrowed = [str(one) for one in report.signature_changes if one.narrowed]
    if isinstance(error, TypeError) and narrowed:
        return (
            f"old callers meet a new signature: {'; '.join(narrowed[:3])}: give new parameters defaults, let them be "
            "passed by keyword, and take what is no longer needed away in a later release"
        )
    if isinstance(error, AttributeError):
        place = f"{type(error.obj).__name__} has no {error.name!r}"
        return (
            f"an object of the version before lacks something: {place}: give the class a default for it, convert its "
            "instances with @converts, or keep the old name for one release"
        )
    if report.afresh:
        return f"state starts afresh: {'; '.join(map(str, report.afresh[:3]))}"
    if report.replaced_classes:
        names = "; ".join(map(str, report.replaced_classes[:3]))
        return f"a class is a second one: {names}: keep its bases and slots for one release"
    if report.removed and isinstance(error, NameError | LookupError | AttributeError):
        return f"what was removed is still asked for: {', '.join(report.removed[:3])}: keep it for one release"
    if error is None:
        changed = ", ".join(report.changed[:5])
        return (
            f"a meaning has changed that both versions meet (changed: {changed}): widen first, so that each version "
            "understands the other's data, and change in a later release"
        )
    return ""

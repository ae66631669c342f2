"""Inlining: small functions of a module stand in their callers. Code object in, code object out, before it is linked.

This is what CMUCL calls let-conversion: a call whose callee is certain becomes the callee's body, with the parameters
as local variables. A block makes callees certain, since nobody rebinds its definitions. May import: core, linking.
Invariants: results, exceptions and the order of evaluation are those of the call; what is gained and lost is frames.
"""

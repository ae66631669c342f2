"""How code objects are written in this interpreter: by their bytes, or by the library where formats are not known."""

from __future__ import annotations

from blockfreeze.linking import cpython
from blockfreeze.linking.edits import Write

write: Write
written_by: str
"""What else than blockfreeze has a say in how code comes out."""

if cpython.FORMATS_ARE_KNOWN:
    from blockfreeze.linking import by_bytes

    write = by_bytes.write
    written_by = ""
else:
    from blockfreeze.linking import by_library, library  # which takes a while

    write = by_library.write
    written_by = library.VERSION

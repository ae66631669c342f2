"""IPython and notebooks: modules are frozen and swapped by magics, or at the boundary of each cell.

IPython is imported when the extension is loaded. May import: core to servers.
"""

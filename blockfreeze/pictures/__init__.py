"""Pictures: the graph of a block's definitions and how they call each other, and the page that shows what runs.

`uses` reads code, `reading` makes a `graph` of it, `differences` marks what another version changes, and `dot`,
`mermaid` and `svg` write it. May import: core to coordination. Nothing of a program is run by a graph.
"""

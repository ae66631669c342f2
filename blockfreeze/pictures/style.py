"""How the status page looks: light and dark, wide and narrow. Every contrast is that of WCAG 2.2, level AA, or more."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f7f8fa; --card: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d5d9df; --link: #0b5394;
  --good: #00664c; --goodfill: #cdeee2; --old: #7a5600; --oldfill: #fdf0cc; --bad: #9d3c00; --badfill: #fbdccb;
  --one: #cfe5f5; --two: #e3dcf5; --edge: #49657d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111418; --card: #1a1e24; --text: #e8eaed; --soft: #a9b2bd; --line: #343b45; --link: #8cc4ff;
    --good: #6fdcb5; --goodfill: #063d2e; --old: #f2cf73; --oldfill: #453300; --bad: #ffab7a; --badfill: #502200;
    --one: #123a57; --two: #38306a; --edge: #8fa9c0;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem); background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
header, main, footer { max-width: 75rem; margin-inline: auto }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2 }
h2 { margin: 0 0 0.75rem; font-size: 1.15rem }
p { margin: 0.4rem 0 }
header p, footer, .soft { color: var(--soft) }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px }
section {
  margin: 1.25rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem;
}
.scroll { overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem }
caption { padding: 0 0 0.4rem; text-align: start; color: var(--soft) }
th, td {
  padding: 0.4rem 0.75rem 0.4rem 0; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line);
}
thead th { color: var(--soft); font-weight: 600; white-space: nowrap }
tbody th { font-weight: 600 }
tbody tr:last-child > * { border-bottom: 0 }
.number, time { font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: 0.88em ui-monospace, monospace; overflow-wrap: anywhere }
.text { min-width: 16rem; overflow-wrap: anywhere }
.mark { display: inline-block; padding: 0 0.5rem; border: 1px solid; border-radius: 1rem; white-space: nowrap }
.good { color: var(--good); background: var(--goodfill) }
.old { color: var(--old); background: var(--oldfill) }
.bad { color: var(--bad); background: var(--badfill) }
svg { display: block; width: 100%; height: auto; min-width: 40rem }
svg text { fill: var(--text); font: 12px system-ui, sans-serif }
svg .soft { fill: var(--soft) }
svg .axis { stroke: var(--line) }
svg .serves { fill: var(--one); stroke: var(--edge) }
svg .serves.other { fill: var(--two) }
svg .lingers { fill: url(#hatched); stroke: var(--old) }
svg #hatched path { stroke: var(--old) }
svg .refused { stroke: var(--bad); stroke-width: 2.5; fill: none }
svg .back { stroke: var(--bad); stroke-width: 2; fill: none }
@media (max-width: 45rem) {
  h1 { font-size: 1.3rem }
  section { padding: 0.75rem; border-radius: 0.4rem }
  table, tbody, tr, caption { display: block }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
  tbody tr { padding: 0.5rem 0; border-top: 1px solid var(--line) }
  tbody :is(th, td) {
    display: grid; grid-template-columns: 8.5rem 1fr; padding: 0.1rem 0; border: 0; white-space: normal;
  }
  tbody :is(th, td)::before { content: attr(data-head); color: var(--soft); font-weight: 400 }
  tbody td:empty { display: none }
  .text { min-width: 0 }
  .mark { justify-self: start }
}
@media print { body { background: none } section { border: 0 } }
"""

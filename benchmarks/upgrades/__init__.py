"""Security fixes of popular packages, applied to a service under load by ``blockfreeze upgrade``.

For each pair of releases in `benchmarks/sweep/fixes.json` a service is started by ``blockfreeze run`` with the release
that has the hole. It makes objects once, and each request uses them, or looks for the hole through them. Clients load
it while the command line upgrades the package; then the hole is looked for again, through the same objects, and once
more after the way back.

Run it with ``python -m benchmarks.upgrades``; ``--help`` tells the options.
"""

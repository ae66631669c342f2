"""How much advice two releases of real packages get: ``python -m benchmarks.advice``; nothing of them is executed."""

"""The interpreter inside a target: the only place that knows CPython versions."""

"""Policies learned from traces: what was seen → the tightest rules, in words that people can read, that allow it."""

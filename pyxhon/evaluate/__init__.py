"""Packages evaluated one by one: each installed and exercised in a sandbox, traced, judged, and put into a matrix."""

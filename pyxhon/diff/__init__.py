"""What differs between two runs: behaviours, imports, DLLs, functions and abilities that appear, vanish or change.

`compare.diff_reports` is pure: two reports in, one `Diff` out; who writes it is in `as_text`, `as_json`, `as_markdown`.
"""

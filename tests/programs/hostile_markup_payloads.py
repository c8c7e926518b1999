"""Texts that would be markup, script or style if a page took them for such."""

PAYLOADS = [
    "</script><script>window.injected='script'</script>",
    "<img src=x onerror=\"window.injected='image'\">",
    "<!--<script>window.injected='comment'//",
    "'\"><svg onload=window.injected='svg'>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.injected='address'",
    "]]></noscript></style><style>body{display:none}</style>",
    "\u2028window.injected='line'\u2029",
    "&lt;b&gt;&#60;script&#62;",
]

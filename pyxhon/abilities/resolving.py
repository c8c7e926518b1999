"""What expressions of a source name: imports, aliases and literal attribute tricks followed as far as text tells."""

import ast
from typing import Final

from pyxhon.abilities.scopes import Scope, SourceReader, class_of_self

IMPORTERS: Final = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
_MAX_NAME: Final = 300
_MAX_DEPTH: Final = 12
_MAX_TARGETS: Final = 4
_MAX_STARS: Final = 8
_IMPORT_ARGUMENTS: Final = 4  # of __import__, up to the one that tells what it gives


_FOLLOWED_MODULES: Final = frozenset({"builtins", "functools", "importlib"})
_FOLLOWED: Final = frozenset({"getattr", "isinstance", "issubclass", "vars", "globals", "__import__"})


class Wanted:
    """Which functions and modules are to be told of."""

    def __init__(self, told: dict[str, list[str]]) -> None:
        self.builtins = frozenset(told["builtins"])
        self.functions = frozenset(told["functions"])
        self.sensitive = frozenset(told["sensitive"])
        self.neutral = frozenset(told["neutral"])
        tops = {name.partition(".")[0] for name in self.sensitive | self.functions}
        self.words = frozenset(word.encode() for word in tops | self.builtins | {"dlopen", "builtins", "__builtins__"})
        self.modules = tops | _FOLLOWED_MODULES
        self.followed = self.builtins | _FOLLOWED

    def shown(self, name: str) -> str | None:
        """Give a resolved function's name as people write it; None: it is not wanted."""
        if name.startswith("builtins."):
            bare = name.removeprefix("builtins.")
            return bare if bare in self.builtins else None
        if name in self.functions:
            return name
        parent = name
        while parent := parent.rpartition(".")[0]:
            if parent in self.sensitive:
                return name
            if parent in self.neutral:
                return None
        return None

    def is_function(self, shown: str) -> bool:
        """Tell whether a name as `shown` gives it is certainly a function that acts, and no type handed over as one."""
        return (shown in self.functions or shown in self.builtins) and not shown.startswith("types.")


class Resolver:
    """Says what an expression names, as far as the text tells: `module.name`, with `()` after what was called."""

    def __init__(self, reader: SourceReader, wanted: Wanted) -> None:
        self._reader = reader
        self._wanted = wanted
        self._known: dict[tuple[Scope, str], list[str]] = {}

    def resolve(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> list[str]:
        """Give the names that an expression may stand for, none where that is not known."""
        if depth > _MAX_DEPTH or node is None:
            return []
        found: list[str] = []
        if isinstance(node, ast.Name):
            found = self._look_up(node.id, scope, depth)
        elif isinstance(node, ast.Attribute):
            found = self._attribute(node, scope, depth)
        elif isinstance(node, ast.Call):
            found = self._result(node, scope, depth)
        elif isinstance(node, ast.Subscript):
            found = self._item(node, scope, depth)
        elif isinstance(node, (ast.NamedExpr, ast.Await)):
            found = self.resolve(node.value, scope, depth + 1)
        elif isinstance(node, (ast.IfExp, ast.BoolOp)):
            parts = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            found = [name for part in parts[:_MAX_TARGETS] for name in self.resolve(part, scope, depth + 1)]
        return [name for name in dict.fromkeys(found) if len(name) <= _MAX_NAME][:_MAX_TARGETS]

    def _look_up(self, name: str, scope: Scope, depth: int) -> list[str]:
        current: Scope | None = scope
        while current is not None:
            if current.holds(name) and (current is scope or current.kind != "class"):
                return self._bound(name, current, depth)
            current = current.parent
        if name == "__builtins__":
            return ["builtins"]
        if name not in self._wanted.builtins:
            starred = [f"{module}.{name}" for module in self._reader.stars[:_MAX_STARS]]
            if known := [each for each in starred if each in self._wanted.functions]:
                return known
        return [f"builtins.{name}"] if name in self._wanted.followed else []

    def _bound(self, name: str, scope: Scope, depth: int) -> list[str]:
        """Give what a name of a scope stands for, worked out once; nothing while that is being done."""
        found = self._known.get((scope, name))
        if found is None:
            self._known[scope, name] = []
            found = [each for each in scope.imports.get(name, ()) if each.partition(".")[0] in self._wanted.modules]
            for value, where in scope.values.get(name, ()):
                found += self.resolve(value, where, depth + 1)
            found = self._known[scope, name] = list(dict.fromkeys(found))[:_MAX_TARGETS]
        return found

    def _attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> list[str]:
        if isinstance(node.value, ast.Name):
            owner = class_of_self(node.value.id, scope)
            if owner is not None:
                return self._bound(node.attr, owner, depth)
        return [f"{base}.{node.attr}" for base in self.resolve(node.value, scope, depth + 1)]

    def _result(self, node: ast.Call, scope: Scope, depth: int) -> list[str]:
        found = []
        for name in self.resolve(node.func, scope, depth + 1):
            first = node.args[0] if node.args else None
            text = read_text(node.args[1] if name == "builtins.getattr" and len(node.args) > 1 else first)
            if name == "builtins.getattr" and text:
                found += [f"{base}.{text}" for base in self.resolve(first, scope, depth + 1)]
            elif name in IMPORTERS and text:
                is_top = name.endswith("__import__") and len(node.args) < _IMPORT_ARGUMENTS and not node.keywords
                found.append(text.partition(".")[0] if is_top else text)
            elif name == "functools.partial":
                found += self.resolve(first, scope, depth + 1)
            elif name == "builtins.vars":
                found += [f"{base}.__dict__" for base in self.resolve(first, scope, depth + 1)]
            else:
                found.append(f"{name}()")
        return found

    def _item(self, node: ast.Subscript, scope: Scope, depth: int) -> list[str]:
        key = read_text(node.slice)
        found = []
        for base in self.resolve(node.value, scope, depth + 1) if key else ():
            if base.endswith(".__dict__"):
                found.append(f"{base.removesuffix('.__dict__')}.{key}")
            elif base in {"sys.modules", "builtins"} and key:
                found.append(key if base == "sys.modules" else f"builtins.{key}")
            elif base == "builtins.globals()" and key:
                found += self._look_up(key, self._reader.module, depth + 1)
        return found


def read_text(node: ast.AST | None, depth: int = 0) -> str | None:
    """Give the text that an expression is, put together from its literal parts; None where there are others."""
    if depth > _MAX_DEPTH or node is None:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) and len(node.value) <= _MAX_NAME else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = read_text(node.left, depth + 1), read_text(node.right, depth + 1)
        return None if left is None or right is None else (left + right)[: _MAX_NAME + 1]
    if isinstance(node, ast.JoinedStr):
        parts = [read_text(each, depth + 1) for each in node.values]
        return None if None in parts else "".join(each or "" for each in parts)[: _MAX_NAME + 1]
    return None

"""Scopes of a Python source: what its names are bound to, which calls and imports it has. Nothing is run."""

import ast
from typing import Final

_MAX_TARGETS: Final = 4
_MAX_VALUES: Final = 8
_UNSEEN: Final = (ast.Constant, ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Scope:
    """One module, class, function or comprehension: what its names are bound to."""

    def __init__(self, kind: str, name: str, line: int, parent: "Scope | None") -> None:
        self.kind = kind
        self.name = name
        self.line = line
        self.parent = parent
        self.imports: dict[str, list[str]] = {}
        self.values: dict[str, list[tuple[ast.expr, Scope]]] = {}
        self.bound: set[str] = set()
        self.first_parameter: str | None = None

    @property
    def prefix(self) -> str:
        """What the qualified names of things made here begin with."""
        if self.kind == "module":
            return ""
        return f"{self.name}." if self.kind == "class" else f"{self.name}.<locals>."

    def holds(self, name: str) -> bool:
        """Tell whether a name is bound here."""
        return name in self.bound or name in self.imports or name in self.values

    def bind_import(self, name: str, target: str) -> None:
        """Bind a name to what is imported."""
        targets = self.imports.setdefault(name, [])
        if target not in targets and len(targets) < _MAX_TARGETS:
            targets.append(target)

    def bind_value(self, name: str, value: ast.expr, scope: "Scope") -> None:
        """Bind a name to the value of an expression of a scope."""
        values = self.values.setdefault(name, [])
        if len(values) < _MAX_VALUES:
            values.append((value, scope))


class SourceReader:
    """Goes through one syntax tree, node by node rather than recursively, and gathers scopes, calls and imports."""

    def __init__(self, tree: ast.Module, *, with_calls: bool) -> None:
        self.module = Scope("module", "<module>", 0, None)
        self.functions: list[tuple[int, str]] = []
        self.imports: list[tuple[str, str, int, ast.stmt, Scope]] = []  # name, written, level
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.decorators: list[tuple[ast.expr, Scope]] = []
        self.stars: list[str] = []
        self._with_calls = with_calls
        self._waiting: list[tuple[ast.AST, Scope]] = [(tree, self.module)]
        while self._waiting:
            self._read(*self._waiting.pop())

    def _read(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.expr):
            if not self._with_calls:
                return
            self._read_expression(node, scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._read_import(node, scope)
        elif isinstance(node, _FUNCTIONS):
            self._read_function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._read_class(node, scope)
        else:
            self._read_other(node, scope)

    def _wait(self, node: ast.AST, scope: Scope) -> None:
        """Have the parts of a node read."""
        waiting = self._waiting
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [(each, scope) for each in value if not isinstance(each, (*_UNSEEN, str)) and each]
            elif isinstance(value, ast.AST) and not isinstance(value, _UNSEEN):
                waiting.append((value, scope))

    def _read_expression(self, node: ast.expr, scope: Scope) -> None:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                scope.bound.add(node.id)
            return
        if isinstance(node, ast.Call):
            self.calls.append((node, scope))
        elif isinstance(node, ast.Lambda):
            inner = Scope("function", f"{scope.prefix}<lambda>", node.lineno, scope)
            self._read_parameters(node.args, scope, inner)
            self._waiting.append((node.body, inner))
            return
        elif isinstance(node, _COMPREHENSIONS):
            scope = Scope("comprehension", scope.name, scope.line, scope)
        elif isinstance(node, ast.NamedExpr):
            scope.bind_value(node.target.id, node.value, scope)
            self._waiting.append((node.value, scope))
            return
        self._wait(node, scope)

    def _read_other(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            if self._bind(node.targets[0], node.value, scope):
                self._waiting.append((node.value, scope))
                return
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            if self._bind(node.optional_vars, node.context_expr, scope):
                self._waiting.append((node.context_expr, scope))
                return
        elif isinstance(node, ast.ExceptHandler) and node.name:
            scope.bound.add(node.name)
        self._wait(node, scope)

    def _bind(self, target: ast.expr, value: ast.expr, scope: Scope) -> bool:
        """Bind a plain name, or an attribute of `self`; tell whether that was all of the target."""
        if isinstance(target, ast.Name):
            scope.bind_value(target.id, value, scope)
            return True
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = class_of_self(target.value.id, scope)
            if owner is not None:
                owner.bind_value(target.attr, value, scope)
        return False

    def _read_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports.append((alias.name, alias.name, 0, node, scope))
                top = alias.name.partition(".")[0]
                scope.bind_import(alias.asname or top, alias.name if alias.asname else top)
            return
        module, dots = node.module or "", "." * (node.level or 0)
        shown = [dots + module] if module else [dots + alias.name for alias in node.names]
        self.imports += [(name, module, node.level or 0, node, scope) for name in shown]
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(dots + module)
            else:
                scope.bind_import(alias.asname or alias.name, f"{dots}{module}.{alias.name}")

    def _read_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        scope.bound.add(node.name)
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        inner = Scope("function", scope.prefix + node.name, first, scope)
        self.functions.append((first, inner.name))
        self._read_decorators(node.decorator_list, scope)
        self._read_parameters(node.args, scope, inner)
        if node.returns is not None:
            self._waiting.append((node.returns, scope))
        self._waiting += [(each, inner) for each in node.body]

    def _read_parameters(self, arguments: ast.arguments, scope: Scope, inner: Scope) -> None:
        everything = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        inner.first_parameter = everything[0].arg if everything else None
        everything += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        inner.bound.update(each.arg for each in everything)
        parts = [*arguments.defaults, *arguments.kw_defaults, *(each.annotation for each in everything)]
        self._waiting += [(each, scope) for each in parts if each is not None]

    def _read_class(self, node: ast.ClassDef, scope: Scope) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        inner = Scope("class", scope.prefix + node.name, first, scope)
        scope.bound.add(node.name)
        self._read_decorators(node.decorator_list, scope)
        self._waiting += [(each, scope) for each in (*node.bases, *node.keywords)]
        self._waiting += [(each, inner) for each in node.body]

    def _read_decorators(self, decorators: list[ast.expr], scope: Scope) -> None:
        for each in decorators:
            self._waiting.append((each, scope))
            self.decorators.append((each, scope))


def class_of_self(name: str, scope: Scope) -> Scope | None:
    """Give the class whose method calls its first parameter so."""
    current: Scope | None = scope
    while current is not None and current.parent is not None:
        if current.kind == "function" and current.parent.kind == "class" and current.first_parameter == name:
            return current.parent
        current = current.parent
    return None

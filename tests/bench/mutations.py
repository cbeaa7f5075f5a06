"""Small faults to be put into a module: which there are, which of them are drawn, and the module with one of them.

Read by `mutants.py`. A fault is one node of the syntax tree and one of its replacements. What only types, docstrings,
`__repr__` or an error's text would notice is left alone, and so are strings.
"""

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
NAMES = {
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "any": "all",
    "all": "any",
    "argmax": "argmin",
    "argmin": "argmax",
    "ceil": "floor",
    "floor": "ceil",
    "cdf": "sf",
    "sf": "cdf",
}
WRAPPERS = {"abs", "sorted", "sqrt", "round", "fabs", "nan_to_num"}
"""Functions that are dropped: what they are called with stands alone."""
UNREAD = {"__repr__", "__str__"}
Drawn = list["Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One fault: the node's place in the walk of its module's tree, and which of its replacements."""

    module: str
    place: int
    variant: int
    first: int
    last: int
    top: bool
    before: str
    after: str

    @property
    def name(self) -> str:
        """What it is called in a log, one line."""
        return f"{self.module}:{self.first}: {self.before}  →  {self.after}"


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand for a node instead, nodes of the same kind of place."""
    match node:
        case ast.Compare(left, ops, comparators):
            for index, op in enumerate(ops):
                for other in OPERATORS[type(op)]:
                    yield ast.Compare(left, [*ops[:index], other(), *ops[index + 1 :]], comparators)
        case ast.BinOp(left, op, right) if not any(map(_is_text, (left, right))):
            yield from (ast.BinOp(left, other(), right) for other in OPERATORS.get(type(op), ()))
        case ast.AugAssign(target, op, value):
            yield from (ast.AugAssign(target, other(), value) for other in OPERATORS.get(type(op), ()))
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from (_joined(op, values[:index] + values[index + 1 :]) for index in range(len(values)))
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(float(value)):
            yield from (ast.Constant(value * 2 or 1.0), ast.Constant(value - 1))
        case ast.Call(func, arguments, keywords):
            yield from _other_calls(func, arguments, keywords)
        case ast.If(_, body, orelse) | ast.IfExp(_, body, orelse):
            yield from (type(node)(ast.Constant(test), body, orelse) for test in (False, True))
        case ast.comprehension(target, each, conditions, is_async):
            for index in range(len(conditions)):
                yield ast.comprehension(target, each, conditions[:index] + conditions[index + 1 :], is_async)
        case ast.Return(ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))


def _other_calls(func: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Iterator[ast.AST]:
    name = getattr(func, "attr", getattr(func, "id", ""))
    if name in NAMES:
        other = ast.Attribute(func.value, NAMES[name]) if isinstance(func, ast.Attribute) else ast.Name(NAMES[name])
        yield ast.Call(other, arguments, keywords)
    elif name in WRAPPERS and arguments:
        yield arguments[0]


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(op, values)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def mutants(module: str, source: str) -> Drawn:
    """All faults of one module, in the order of its text's tree."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    skipped = _skipped(tree)
    found = []
    for place, node in enumerate(ast.walk(tree)):
        if node in skipped:
            continue
        for variant, other in enumerate(replacements(node)):
            first, last, top = _lines(node, parents)
            texts = (_line(node), _line(other))
            found.append(Mutant(module, place, variant, first, last, top, *texts))
    return found


def _skipped(tree: ast.Module) -> set[ast.AST]:
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                roots += [*node.decorator_list, node.returns]
                roots += [node] if node.name in UNREAD else []
            case ast.ClassDef():
                roots += [*node.decorator_list, *node.bases]
            case ast.arg() | ast.AnnAssign():
                roots.append(node.annotation)
            case ast.Raise() | ast.Assert():
                roots.append(node)
            case ast.FormattedValue():
                roots.append(node.format_spec)
    return {each for root in roots if root is not None for each in ast.walk(root)}


def _lines(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> tuple[int, int, bool]:
    """First and last line of what runs with the node, and whether that runs when the module is imported."""
    statement, top, above = node, True, node
    while not isinstance(statement, ast.stmt):
        statement = parents[statement]
    while above in parents:
        below, above = above, parents[above]  # a default is read where the function is made
        top = top and (not isinstance(above, ast.FunctionDef | ast.Lambda) or below is above.args)
    inner = getattr(statement, "body", None)
    last = inner[0].lineno - 1 if isinstance(inner, list) else statement.end_lineno
    line = getattr(node, "lineno", statement.lineno)
    return line, max(line, last or line), top


def _line(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        node = node.test
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= 110 else f"{text[:109]}…"


def mutated(source: str, mutant: Mutant) -> str:
    """The module's source with one fault, without comments."""
    tree = ast.parse(source)
    target = list(ast.walk(tree))[mutant.place]
    other = list(replacements(target))[mutant.variant]

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return other if node is target else self.generic_visit(node)

    return ast.unparse(ast.fix_missing_locations(Swap().visit(tree)))


def drawn(modules: Mapping[str, Path], count: int, seed: int) -> Drawn:
    """So many faults, from each module in proportion to how many it offers; the seed alone decides which."""
    found = {module: mutants(module, path.read_text(encoding="utf-8")) for module, path in sorted(modules.items())}
    total = sum(map(len, found.values()))
    exact = {module: count * len(each) / total for module, each in found.items()}
    shares = {module: int(share) for module, share in exact.items()}
    for module in sorted(exact, key=lambda name: shares[name] - exact[name])[: count - sum(shares.values())]:
        shares[module] += 1
    chance = random.Random(seed)
    taken = [each for module, number in shares.items() for each in chance.sample(found[module], number)]
    chance.shuffle(taken)
    return taken

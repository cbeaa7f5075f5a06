"""The reference, from the code: `python docs/reference/generate.py` writes its pages anew.

In: the config's types, the comments of assay/commands/review.toml, the command line, the registry of measures,
ledger/errors.py. Out: config.md, commands.md, measures.md and errors.md beside this file, held by tests/test_docs.py.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

# ruff: noqa: E402
from assay.cli import app_for
from ledger import errors
from ledger.config import PlacementConfig, ReviewConfig
from ledger.decision_config import DecisionConfig
from ledger.judge_config import JudgeConfig, Price
from ledger.material_config import QuestionsConfig, TaskConfig
from ledger.measures import MEASURES
from ledger.model_config import BaselineConfig, ModelConfig
from ledger.sections import ConfigSection

STARTER = HERE.parents[1] / "assay" / "commands" / "review.toml"
SECTIONS: dict[str, type[ConfigSection]] = {
    "": ReviewConfig,
    "[baseline]": BaselineConfig,
    "[[candidate]]": ModelConfig,
    "[questions]": QuestionsConfig,
    "[[task]]": TaskConfig,
    "[[judge]]": JudgeConfig,
    "price": Price,
    "[decision]": DecisionConfig,
    "[placement]": PlacementConfig,
}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "table"}
CONFIG = """\
Every key of `review.toml`, which `assay init` writes with comments. What is left out has its default; a key that is not
known is refused with the nearest one. Everything but `[placement]` is declared before the run and hashed into the
report. `--set KEY=VALUE` changes a key for one command.
"""
OF_MEASURES = """\
Divergence says that two models differ, degradation that one is worse: different is not worse. A change is candidate
minus baseline. A *limit* may stand under `limits`, a *primary* measure under `primary`; a *predictor* and an *outcome*
are what correlations hold against each other. Each section is a part of the report.
"""
ERRORS = """\
In Python all of them are `AssayError`. An error says what happened, where, and what to do; `--debug` shows its
traceback. Who can mend it, and does trying again help?
"""


def plain(text: str) -> str:
    """A text in Markdown: outside code, what would be a tag or stress is what it is."""
    return re.sub(r"`[^`]*`|[<*|]", lambda found: found[0] if found[0][1:] else f"\\{found[0]}", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(row).strip()} |\n" for row in (head, ["---"] * len(head), *rows))


def comments() -> dict[tuple[str, str], str]:
    """What the starting config says of each key, by section; of several blocks of one kind the first."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in STARTER.read_text(encoding="utf-8").splitlines():
        if head := re.match(r"(?:# )?(\[+\w+\]+)", line):
            section = head[1]
        elif (key := re.match(r"(?:# )?(\w+) = ", line)) and " # " in line[2:]:
            said = re.sub(r"^CHANGE\b[^:]*(: |$)", "", line.rpartition(" # ")[2].strip())
            found[section, key[1]] = found.get((section, key[1])) or said
    return found


def kind(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """What values a key takes."""
    if "$ref" in schema:
        return kind(known[schema["$ref"].rsplit("/", 1)[-1]], known)
    if "anyOf" in schema:
        return " or ".join(kind(each, known) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    if schema["type"] == "array":
        return f"list of: {kind(schema['items'], known)}"
    inner = schema.get("additionalProperties")
    of = f" of: {kind(inner, known)}" if isinstance(inner, dict) else ""
    return ", ".join([TYPES[schema["type"]] + of, *(f"{BOUNDS[k]} {schema[k]:g}" for k in BOUNDS if k in schema)])


def config_rows(head: str, section: type[ConfigSection]) -> Iterator[list[str]]:
    """One row per key of a section, in the order of the starting config; tables of their own apart."""
    schema, said = section.model_json_schema(), comments()
    order = [key for place, key in said if place == head]
    keys = [name for name in section.model_fields if head or not {f"[{name}]", f"[[{name}]]"} & SECTIONS.keys()]
    for name in sorted(keys, key=lambda each: order.index(each) if each in order else len(order)):
        values = schema["properties"][name]
        blank = {} if "additionalProperties" in values else None
        default = "required" if name in schema.get("required", ()) else values.get("default", blank)
        shown = default if default == "required" else "" if default in (None, "") else f"`{json.dumps(default)}`"
        places = (head, "[baseline]") if head == "[[candidate]]" else (head,)
        meaning = section.model_fields[name].description or next(
            filter(None, (said.get((p, name)) for p in places)), ""
        )
        yield [f"`{name}`", plain(kind(values, schema.get("$defs", {}))), shown, plain(meaning)]


def config_page() -> Iterator[str]:
    """Every key of review.toml."""
    yield f"# Config\n\n{CONFIG}"
    for head, section in SECTIONS.items():
        yield f"## {head or 'The review'}\n\n{inspect.getdoc(section)}\n"
        yield table(["key", "values", "default", "meaning"], config_rows(head, section))


def option_rows(command: Any) -> Iterator[list[str]]:  # noqa: ANN401 - Typer keeps its own Click
    """One row per argument and option."""
    for each in command.params:
        value = "" if getattr(each, "is_flag", False) or not each.metavar else f" {each.metavar}"
        is_option = each.param_type_name == "option"
        name = f"{', '.join(each.opts)}{value}" if is_option else f"{each.name.upper()}{'...' * (each.nargs < 0)}"
        shown = "" if each.default in (None, False, "") else f"`{each.default}`"
        yield [f"`{name}`", plain(each.help or ""), "required" if each.required else shown]


def command_section(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - Typer keeps its own Click
    """What a command does, its arguments and options, examples; then the members of a group."""
    about, _, rest = (command.help or "").partition("\b\n")
    examples, _, after = rest.partition("\n")[2].partition("\n\n")
    yield f"{'#' * len(name.split())} {name}\n\n{plain(about.strip())}\n"
    yield from [f"```sh\n{inspect.cleandoc(examples)}\n```\n"] * bool(examples)
    yield from [f"{plain(after.strip())}\n"] * bool(after)
    if rows := [*option_rows(command)]:
        yield table(["argument or option", "what it says", "default"], rows)
    for member, inner in getattr(command, "commands", {}).items():
        yield from command_section(f"{name} {member}", inner)


def commands_page() -> Iterator[str]:
    """Every command, from the command line itself."""
    entry = typer.main.get_command(app_for())
    first = {name: each.help.split("\n")[0] for name, each in entry.commands.items()}
    whole = [*command_section("assay", entry)]
    own = next(place for place, part in enumerate(whole) if part.startswith("## "))
    yield from [whole[0].replace("# assay", "# Commands", 1), *whole[1:own]]
    yield table(
        ["command", "what it does"], ([f"[`assay {name}`](#assay-{name})", line] for name, line in first.items())
    )
    yield from whole[own:]


def measures_page() -> Iterator[str]:
    """Every measure, from the registry."""
    yield f"# Measures\n\n{OF_MEASURES}"
    for section in dict.fromkeys(each.section for each in MEASURES):
        rows = []
        for each in (measure for measure in MEASURES if measure.section == section):
            ends = f"{each.low:g} to {each.high:g}".replace("inf", "∞").replace("-", "−")
            roles = ", ".join(each.roles) + (f" (margin {each.margin:g})" if each.margin else "")
            name, about = f"`{each.name}`", plain(each.definition)
            rows.append([name, each.label, about, each.unit, ends, each.kind, roles, each.source])
        head = ["measure", "in the report", "what it is", "over", "range", "kind", "roles", "source"]
        yield f"## {section}\n\n{table(head, rows)}"


def errors_page() -> Iterator[str]:
    """Exit codes with what stands below each in ledger/errors.py, and the tree of errors."""
    codes = [
        [ast.unparse(node.value), " ".join(str(ast.literal_eval(below.value)).split())]
        for node, below in pairwise(ast.parse(inspect.getsource(errors)).body)
        if isinstance(node, ast.Assign) and isinstance(below, ast.Expr)
    ]
    yield f"# Errors and exit codes\n\n## Exit codes\n\n{table(['exit code', 'meaning'], codes)}"
    drawn = inspect.cleandoc("\n".join(line for line in str(errors.__doc__).splitlines() if line.startswith("    ")))
    yield f"## Errors\n\n{ERRORS}\n```\n{drawn}\n```\n"
    known = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, errors.AssayError)]
    rows = [[f"`{each.__name__}`", str(each.exit_code), str(inspect.getdoc(each)).split("\n")[0]] for each in known]
    yield table(["error", "exit code", "what it says"], rows)


def pages() -> dict[str, str]:
    """The text of each page by its name; nothing is written."""
    found = {"config": config_page, "commands": commands_page, "measures": measures_page, "errors": errors_page}
    mark = "<!-- python docs/reference/generate.py -->\n\n"
    return {f"{name}.md": mark + "\n".join(page()) for name, page in found.items()}


if __name__ == "__main__":
    for page_name, text in pages().items():
        (HERE / page_name).write_text(text, encoding="utf-8")

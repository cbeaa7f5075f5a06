"""The `assay` command: its commands, and the one place where an error becomes a line and an exit code.

In: arguments. Out: results on standard output, progress and errors on standard error, an exit code (ledger/errors.py).
"""

import inspect
import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from assay.rooms import stranger

if found := stranger():  # before it is executed; what turns errors into a line and a code lies in rooms, too
    print(f"assay: {found}", file=sys.stderr)
    sys.exit(os.EX_USAGE)

from ledger.errors import EXIT_BUG, EXIT_INFRASTRUCTURE, EXIT_INTERRUPTED, EXIT_USAGE, AssayError

DEBUG = "ASSAY_DEBUG"
COMPLETION = "_ASSAY_COMPLETE"  # Typer's variable for a program of this name
SHELLS = ("bash", "zsh", "fish")
UsageError: Any = typer.BadParameter.__base__  # Typer keeps its own Click, and gives only this subclass a public name

COMMANDS = {
    "check": "Review compressed models in one line, without a config.",
    "init": "Write a commented review.toml to start from.",
    "plan": "Say how many items or questions a claim needs.",
    "review": "Run a whole review: generate, judge, analyze, decide.",
    "generate": "Let the models write answers and score options.",
    "merge": "Put the shards of `assay generate --shard` together.",
    "judge": "Ask the judges for the ratings and games that are missing.",
    "replay": "Let stored judges be asked again.",
    "exam": "Examine the judges: may their word count?",
    "analyze": "Compute the decision and write the report; no model is called.",
    "runs": "List the runs: decision, age, size.",
    "verify": "Check that a report is what a run gives.",
    "diff": "Compare two runs, model by model; no model is called.",
    "compare": "Compare logs or tables: flips, KL, decision.",
    "audit": "Look through the files of FastChat's llm_judge, as they are.",
    "fetch": "Fetch SmolLM2 or MT-Bench into the cache.",
    "compress": "Make a compressed model from a local one.",
    "tour": "Show a whole report in seconds: no model, no network.",
    "doctor": "Tell what is installed here, and what to install for what.",
    "demo": "Review five compressed SmolLM2 models: a first report.",
    "study": "Measure more than twenty compressed SmolLM2 models: hours.",
}
"""Each command with the first line of its docstring; its function has its name, and lies in a module of its name."""
GROUPS = {
    "import": ("imports", "about_imports", "Bring in what was measured elsewhere."),
    "export": ("exports", "about_exports", "Write a review as other tools' files."),
}
"""Each group with the names of its Typer and of the function that tells of it, in assay/commands/groups.py."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from ledger.manifests import assay_version

        print(assay_version())
        raise typer.Exit


def _help(command: Callable[..., object]) -> str:
    """A command's docstring; the mark keeps the lines of its examples apart."""
    return (inspect.getdoc(command) or "").replace("\n\nExample", "\n\n\b\nExample")


def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show Assay's version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """May this compressed model replace its baseline?

    A review lets a baseline and its candidates write answers and pick options, asks judges, and decides for each
    candidate: SHIP, HOLD, INCONCLUSIVE or UNFIT. It is one TOML file and one folder under runs/.

    Examples:
        assay tour                           # a whole report in seconds: no model, no network
        assay check ./base ./w4a16           # a whole review of two models, without a config
        assay demo                           # a whole review of small models
        assay init review.toml               # a commented config to change
        assay plan --margin 0.01             # how many items that margin needs
        assay review review.toml             # generate, judge, analyze, decide
        assay compare logs/bf16 logs/int4    # logs of lm-evaluation-harness
        assay --install-completion           # the Tab key completes what you type

    Exit codes: 0 SHIP, 10 HOLD, 11 INCONCLUSIVE, 12 UNFIT, 20 an engine, judge or download failed, 64 wrong usage or
    config, 70 a bug in Assay, 130 interrupted.
    """
    if debug:
        os.environ[DEBUG] = "1"


def app_for(called: str | None = None) -> typer.Typer:
    """The command line: whole, or with one command whole and of the others their names and first lines alone.

    What a command needs takes a second to import, which no other command and no `--help` should wait for.
    """
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback(help=_help(options))(options)
    for name, first_line in COMMANDS.items():
        if called in (None, name):
            command = getattr(import_module(f"assay.commands.{name}"), name)
            app.command(name, help=_help(command))(command)
        else:
            app.command(name, help=first_line)(_not_called)
    for name, (group, about, first_line) in GROUPS.items():
        if called in (None, name):
            homes = import_module("assay.commands.groups")
            for known in getattr(homes, group).registered_commands:
                known.help = _help(known.callback) if known.callback else None
            app.add_typer(getattr(homes, group), name=name, help=_help(getattr(homes, about)))
        else:
            app.command(name, help=first_line)(_not_called)
    return app


def _not_called() -> None:
    """Stands for a command in the list of commands."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; what standard output cannot encode is no reason to fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is returned."""
    said = sys.argv[1:] if arguments is None else arguments
    _name_shell(said)
    called = None if COMPLETION in os.environ else next((each for each in said if not each.startswith("-")), "")
    try:
        entry = typer.main.get_command(app_for(called))
        result: Any = entry.main(args=arguments, prog_name="assay", standalone_mode=False)
    except UsageError as error:
        error.show()
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        result = EXIT_INTERRUPTED  # Typer itself gives this code for Ctrl-C
    except AssayError as error:
        return _failed(str(error), error.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}", EXIT_INFRASTRUCTURE)
    except Exception as error:  # noqa: BLE001 - the last stop; anything here is a bug in Assay
        return _failed(f"a bug in Assay: {type(error).__name__}: {error} (--debug shows where)", EXIT_BUG)
    if result == EXIT_INTERRUPTED:
        return _failed("interrupted; what is finished is kept, the same command goes on from there", EXIT_INTERRUPTED)
    return int(result) if isinstance(result, int) else 0


def _name_shell(arguments: list[str]) -> None:
    """`--show-completion SHELL` asks as that shell would; Typer's own option knows only the shell that runs."""
    if len(arguments) == 2 and arguments[0] == "--show-completion" and arguments[1] in SHELLS:
        os.environ[COMPLETION] = f"source_{arguments[1]}"


def _failed(sentence: str, code: int) -> int:
    if os.environ.get(DEBUG) and sys.exc_info()[1] is not None:
        import traceback

        traceback.print_exc()
    from analysis.rendering.formats.text import visible

    lines = map(visible, sentence.split("\n"))  # names and texts in it come from files
    print("assay: " + "\n".join(lines), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()

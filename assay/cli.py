"""The `assay` command: its commands, and the one place where an error becomes a line and an exit code.

In: arguments. Out: results on standard output, progress and errors on standard error, an exit code (ledger/errors.py).
"""

import inspect
import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from assay.rooms import stranger

if found := stranger():  # before it is executed; what turns errors into a line and a code lies in rooms, too
    print(f"assay: {found}", file=sys.stderr)
    sys.exit(os.EX_USAGE)

from analysis.rendering.formats.text import visible
from assay.commands.analyze import analyze
from assay.commands.audit import audit
from assay.commands.compare import compare
from assay.commands.compress import compress
from assay.commands.demo import demo
from assay.commands.diff import diff
from assay.commands.exam import exam
from assay.commands.fastchat import about_exports, exports
from assay.commands.fetch import fetch
from assay.commands.generate import generate
from assay.commands.import_logs import about_imports, imports
from assay.commands.init import init
from assay.commands.judge import judge
from assay.commands.merge import merge
from assay.commands.plan import plan
from assay.commands.review import review
from assay.commands.study import study
from assay.commands.verify import verify
from ledger.errors import EXIT_BUG, EXIT_INFRASTRUCTURE, EXIT_INTERRUPTED, EXIT_USAGE, AssayError
from ledger.manifests import assay_version

DEBUG = "ASSAY_DEBUG"
COMPLETION = "_ASSAY_COMPLETE"  # Typer's variable for a program of this name
SHELLS = ("bash", "zsh", "fish")
UsageError: Any = typer.BadParameter.__base__  # Typer keeps its own Click, and gives only this subclass a public name

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
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


COMMANDS = (
    *(init, plan, review, generate, merge, judge, exam, analyze),
    *(verify, diff, compare, audit, fetch, compress, demo, study),
)
app.callback(help=_help(options))(options)
for command in COMMANDS:
    app.command(help=_help(command))(command)
for name, group, about in (("import", imports, about_imports), ("export", exports, about_exports)):
    for known in group.registered_commands:
        known.help = _help(known.callback) if known.callback else None
    app.add_typer(group, name=name, help=_help(about))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; what standard output cannot encode is no reason to fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is returned."""
    _name_shell(sys.argv[1:] if arguments is None else arguments)
    try:
        result: Any = typer.main.get_command(app).main(args=arguments, prog_name="assay", standalone_mode=False)
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
    lines = map(visible, sentence.split("\n"))  # names and texts in it come from files
    print("assay: " + "\n".join(lines), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()

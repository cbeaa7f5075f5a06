"""The command `assay replay`: stored judgments as an endpoint that a review can ask, without a paid call."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.errors import ConfigError

if TYPE_CHECKING:
    from assay.sources.stored_judgments import StoredJudge

HOUR_SECONDS = 3600.0
MOST_NOTES = 5


def replay(
    folder: Annotated[
        Path, typer.Argument(help="A folder with FastChat's model_judgment/, or a run folder: runs/<review>.")
    ],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 is any that is free.")] = 0,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Stop after so long without a request.")
    ] = HOUR_SECONDS,
) -> None:
    """Let stored judges be asked again.

    An OpenAI-compatible endpoint on this machine says what FastChat's judge, or the judge of an earlier run, said to
    the same prompt: a review can be run again years later, and costs nothing. A call that failed then fails now. A
    prompt that was never judged gets an error that says so: the judgment fails, and coverage counts it. It prints its
    base_url and a [[judge]] for the config, with `repeats` that ask for every verdict where prompts have several, and
    ends by Ctrl-C or --timeout.

    Examples:
        assay replay data/mt_bench --port 8321
        assay replay runs/release --port 8321 --timeout 600
    """
    from analysis.rendering.formats.text import visible
    from assay.declarations import section
    from assay.placement.loopback import HOST, LoopbackServer
    from assay.sources.replay import Replay
    from assay.sources.stored_judgments import stored_judgments

    stored = stored_judgments(folder)
    for note in stored.notes[:MOST_NOTES]:
        print(f"# {visible(note)}")
    if len(stored.notes) > MOST_NOTES:
        print(f"# and {len(stored.notes) - MOST_NOTES} lines more like these")
    answers = Replay(stored.judges)
    try:
        server = LoopbackServer(answers.respond, port)
    except OSError as error:
        raise ConfigError(f"{error.strerror}.", where=f"{HOST}:{port}", remedy="Give another --port.") from error
    with server:
        for judge in stored.judges:
            print(visible(_told(judge)))
            print(section("[[judge]]", **judge.offered, base_url=server.base_url))
        with suppress(KeyboardInterrupt):
            print(f"base_url: {server.base_url}", flush=True)
            server.wait(timeout)
    print(", ".join(f"{count} {what}" for what, count in answers.counts.items()) or "nothing was asked")


def _told(judge: "StoredJudge") -> str:
    failed = f", {judge.failures} of them failed calls" * bool(judge.failures)
    told = f"# {judge.model}: {len(judge.replies)} prompts{failed}"
    if several := judge.several:
        fewest, most = min(several), max(several)
        count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        told += (
            f"\n# {len(several)} of them have different verdicts, {count} each: calls get them in the order they lie, "
        )
        told += f"then from the first again; repeats = {judge.repeats} asks so often"
    return told

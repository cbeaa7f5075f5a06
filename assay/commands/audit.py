"""The command `assay audit`: what FastChat's files hide, without a call.

In: a folder in FastChat's layout. Out: the audit on standard output, and as files on request.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import JudgeFile


def audit(
    folder: Annotated[Path, typer.Argument(help="A folder with model_answer/ and model_judgment/.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Where question.jsonl, reference_answer/ and judge_prompts.jsonl are."
        ),
    ] = None,
    judge_file: JudgeFile = None,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="MODEL", help="The model that others are held against.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Also write audit.md and audit.json into this folder.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="NUMBER", help="Of the resampling.")] = 1,
) -> int:
    """Look through the files of FastChat's llm_judge, as they are.

    Nothing is asked or changed. It counts coverage, stale rows (their prompt is rendered again and compared, and what
    changed is told), repeats, errors and unread verdicts; splits games into win, tie, loss, inconsistent and failed;
    shows the bias of position and length, the smallest change that the data could show, and FastChat's own numbers
    beside the strict ones; and names the files that were not read. Questions, references and judge prompts (every
    judge*_prompts*.jsonl) are looked for beside the folder, above it, and in the fetched MT-Bench (assay fetch
    mt-bench).

    Example:
        assay audit data/mt_bench --baseline llama-3-8b > audit.md
    """
    from analysis.fastchat_audit.audit import audit as audited
    from analysis.rendering.formats.audit import audit_markdown, write_audit
    from assay.sources.fastchat_files import stored
    from assay.sources.fastchat_folders import fastchat_folder

    report = audited(stored(fastchat_folder(folder, data, judge_file), baseline), seed)
    print(audit_markdown(report), end="")
    if out:
        write_audit(report, out)
    return 0

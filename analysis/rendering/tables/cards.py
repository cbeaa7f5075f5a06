"""The report's tables, as words: who made the records, what they cost, from which files.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import optional
from analysis.rendering.tables.gaps import KINDS, gap_words
from analysis.rendering.tables.ladder import resolution_told
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport


def _seen_of(judge: JudgeReport, report: ReviewReport) -> Iterator[tuple[str, str]]:
    """What its verdicts showed of it: its taste for a position, and where it agrees with others."""
    for played in judge.games:
        yield f"position bias, {played.model}", f"first position {cell(played.bias.first_seat)}"
    for each in report.trust.gap_agreements if report.trust else ():
        if judge.name in (each.first, each.second):
            raters = f"{each.first}, {each.second}, by {KINDS[each.mode]}, gap {gap_words(each)}"
            yield f"agreement by gap: {raters}", cell(each.equal)


def card_table(report: ReviewReport) -> Table:
    """What made the records, judge by judge and model by model."""
    rows = [
        ("review", "config digest", report.config_digest),
        ("review", "seed", str(report.seed)),
        ("review", "resamples", str(report.resamples)),
        ("review", "made at", report.made_at),
    ]
    for judge in report.judges:
        told = (*judge.card, ("resolution", resolution_told(judge)), *_seen_of(judge, report))
        rows += [(f"judge {judge.name}", name, value) for name, value in told]
    rows += [(f"{model.role} {model.model}", name, value) for model in report.models for name, value in model.facts]
    positive = [each.card for each in report.positive_controls]
    rows += [(f"positive control {card.model}", name, value) for card in positive for name, value in card.facts]
    return Table(
        "cards",
        "Judge card and reproducibility",
        "From the manifests of the run folder.",
        ("of", "what", "value"),
        tuple(rows),
    )


def cost_table(report: ReviewReport) -> Table:
    """What each part took: sessions, time, calls, tokens, money."""
    return Table(
        "costs",
        "Cost and time",
        "Time of the sessions that came to their end; tokens and money as the endpoint counted them.",
        ("of", "sessions", "time", "calls", "prompt tokens", "completion tokens", "cost"),
        tuple(
            (
                f"{each.kind} {each.name}",
                str(each.sessions),
                duration(each.seconds),
                *(optional(count, str) for count in (each.calls, each.prompt_tokens, each.completion_tokens)),
                optional(each.spent_usd, lambda spent: f"${spent:.4f}"),
            )
            for each in report.costs
        ),
    )


def input_table(report: ReviewReport) -> Table:
    """The files behind the report, by hash; `assay verify` compares them with a run folder."""
    caption = f"Made by Assay {report.assay_version}. `assay verify` compares these hashes with a run folder."
    return Table("inputs", "Inputs", caption, ("file", "hash"), report.inputs)


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds, as far as they are needed."""
    if seconds is None:
        return "not known"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"

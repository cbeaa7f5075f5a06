"""What models solve: answers that a program checked, one record per item and repeat.

In: nothing. Out: Solution, strict and frozen like all records. A score is right or wrong (1 or 0) or a grade between;
which metric and filter gave it stands beside it, because another filter alone can halve an accuracy.
"""

import re
from typing import Self

from pydantic import BaseModel, Field, model_validator

from ledger.digests import digest_of
from ledger.records import Finish, Key, Record, Text

NO_FILTER = "none"
LESS_IS_BETTER = re.compile(
    r"(?i)(^|[_\W])(wer|cer|ter|loss|losses|errors?|err|mae|mse|rmse|mape|ece|eer|brier|perplexity|ppl|bits|toxicity"
    r"|hallucinations?|nll|negative[_\W]log[_\W]likelihood|cross[_\W]?entropy|kl|kld|divergence|distance|regret"
    r"|false[_\W](positive|negative)s?|fpr|fnr|violations?|mistakes?|latency|runtime|elapsed|seconds|ttft)($|[_\W])"
)
"""Names of metrics that are better where they are less."""
MORE_AFTER_ALL = re.compile(
    r"(?i)(^|[_\W])(acc|accuracy|f1|recall|precision|match|em|success|auc|auroc|similarity|reduction|improvement"
    r"|free|avoided|detection|recognition|classification)([_\W](norm|mean|macro|micro|weighted))?$"
    r"|^(no|non|without)[_\W]"
)
"""Names whose end, or a no before them, says that they are better where they are more: the accuracy of errors found."""


class Score(BaseModel):
    """One metric of one answer, under one filter.

    `extracted` is what the filter took from the text: empty where it found nothing, None where nothing is taken from a
    text or nobody tells.
    """

    model_config = Record.model_config

    metric: str = Field(min_length=1)
    filter: str = NO_FILTER
    value: float = Field(ge=0, le=1)
    extracted: Text | None = None

    @property
    def scoring(self) -> str:
        """The metric, with its filter where it has one: as a results file of lm-evaluation-harness names both."""
        return scoring_name(self.metric, self.filter)


class Solution(Record):
    """One answer of one model to one item of a benchmark, and its scores.

    `item_digest` is the hash of the document, `prompt_digest` that of what was shown. `text` is what the user sees,
    None where it was not kept, and then `text_digest` may tell it; `thinking` stands apart. `finish`, `seed`,
    `completion_tokens` and `temperature` are None where nobody tells them; a temperature of 0 is greedy.
    """

    model: str
    task: str
    item: str
    subject: str
    repeat: int = Field(default=0, ge=0)
    item_digest: str
    prompt_digest: str = ""
    text: Text | None = None
    text_digest: str = ""
    thinking: Text | None = None
    finish: Finish | None = None
    completion_tokens: int | None = Field(default=None, ge=0)
    seed: int | None = None
    temperature: float | None = Field(default=None, ge=0)
    scores: tuple[Score, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_score_each(self) -> Self:
        if len(self.scores) > 1 and len({score.scoring for score in self.scores}) < len(self.scores):
            raise ValueError("two scores share a metric and a filter")
        return self

    @property
    def key(self) -> Key:
        """Model, task, item, repeat."""
        return (self.model, self.task, self.item, self.repeat)

    @property
    def written(self) -> str:
        """What tells two texts apart: the hash of the text; empty where nothing of it is known."""
        return self.text_digest if self.text is None else digest_of(self.text)


def more_is_better(metric: str) -> bool:
    """Whether a metric is better where it is more, as far as its name tells: errors and losses are not."""
    return not LESS_IS_BETTER.search(metric) or bool(MORE_AFTER_ALL.search(metric))


def scoring_name(metric: str, chosen: str = NO_FILTER) -> str:
    """A metric under a filter, as one name."""
    return metric if chosen in ("", NO_FILTER) else f"{metric},{chosen}"

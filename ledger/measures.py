"""The one registry of measures: every fact about a measure that is not how it is computed.

In: nothing. Out: frozen Measures (measure_facts.py), found by name. The functions lie in analysis/, bound to these
names where gates read them (decision/gate_estimates.py), item by item in multiple_choice/distances.py, and text by text
in writing/; a test holds that names and functions fit one to one. The config's allowed names, number formats, columns,
words and the correlations' lists all come from here, and nothing else lists measures.

Divergence says that two models differ, degradation that one is worse: different is not worse.
"""

import math
from dataclasses import replace

from ledger.forms import SHARE_PREFIXES, SHOWN_FORMS, Form
from ledger.judgments import Mode
from ledger.measure_facts import INF, PAPER, Measure, Role, distance, share_of_items
from ledger.text_measures import OF_TEXTS

MEASURES = (
    Measure(
        name="rating_change",
        label="rating_change",
        definition="Mean difference of the turn ratings that both models have, paired by question.",
        unit="questions",
        form=Form.CHANGE,
        low=-9.0,
        high=9.0,
        better="higher",
        kind="degradation",
        section="scores",
        source="MT-Bench, arXiv 2306.05685",
        words="change of rating (points)",
        roles=("primary", "outcome"),
        margin=0.3,
        margin_words="in rating points: 0.3",
        spreads=(1.5, 2.0, 2.5),
        mode=Mode.SINGLE,
    ),
    Measure(
        name="win_change",
        label="win_change",
        definition="win_score minus 0.5.",
        unit="questions",
        form=Form.THOUSANDTHS_CHANGE,
        low=-0.5,
        high=0.5,
        better="higher",
        kind="degradation",
        section="games",
        source="MT-Bench, arXiv 2306.05685",
        words="win_change",
        roles=("primary", "outcome"),
        margin=0.05,
        margin_words="a share: 0.05 is five points of a hundred",
        spreads=(0.30, 0.37, 0.45),
        mode=Mode.PAIR,
    ),
    share_of_items(
        "flips",
        "flips",
        "Items that went from right to wrong or from wrong to right, of all items. Accuracy can hide them.",
        headline=True,
    ),
    share_of_items("all_flips", "all flips", "Flips, and items that went from one wrong option to another."),
    share_of_items(
        "excess_flips",
        "excess flips",
        "How often answers of both models to an item differ, less how often answers of one do: no noise.",
        section="solved",
        source="Szekely and Rizzo 2013, half the energy distance of scores",
        roles=("limit",),
    ),
    distance(
        "kl_options",
        "KL (options)",
        "KL(baseline ‖ candidate) over an item's options, renormalized over them; nats, then the mean.",
        words="KL over the options",
        headline=True,
    ),
    distance(
        "js_options",
        "JS (options)",
        "Jensen-Shannon divergence over an item's options, renormalized over them; nats, at most ln 2.",
        words="Jensen-Shannon divergence over the options",
        high=math.log(2),
        source="Lin 1991, IEEE Transactions on Information Theory 37, 145-151",
    ),
    distance(
        "kl_vocabulary",
        "KL (vocabulary)",
        "KL over the whole vocabulary at the options' tokens; from the K most likely a lower bound.",
        words="KL over the vocabulary",
        section="traces",
    ),
    distance(
        "kl_trace",
        "KL (trace)",
        "The same over tokens, on the baseline's own answers: a lower bound from the K most likely tokens.",
        words="KL (traces)",
        section="traces",
        unit="questions",
    ),
    replace(
        distance(
            "kl_rollout",
            "KL (rollout)",
            "KL(candidate ‖ baseline) over tokens, on the candidate's own answers; a lower bound. It falls in loops.",
            words="KL (rollouts)",
            section="traces",
            unit="questions",
            source="arXiv 2306.08543, KL(student ‖ teacher) along what the student writes",
        ),
        roles=("predictor",),  # a limit would be kept by a model that repeats itself
    ),
    Measure(
        name="surprise",
        label="surprise",
        definition="How much less likely the baseline finds a token of the candidate's answers than one of its own.",
        unit="questions",
        form=Form.NATS_CHANGE,
        low=-INF,
        high=INF,
        better="neither",
        kind="divergence",
        section="traces",
        source="mean log-likelihood, paired by question",
        roles=(),
        words="surprise of the baseline (nats)",
    ),
    Measure(
        name="accuracy_change",
        label="accuracy_change",
        definition="Candidate accuracy minus baseline accuracy, on the same items.",
        unit="items",
        form=Form.POINTS,
        low=-1.0,
        high=1.0,
        better="higher",
        kind="degradation",
        section="flips",
        source=PAPER,
        words="accuracy (pp)",
        roles=("primary", "predictor"),
        margin=0.02,
        margin_words="a share: 0.02 is two points of a hundred",
    ),
    Measure(
        name="failed_answers",
        label="failed answers",
        definition="Checked answers that fail, of all that both models wrote: how many more than the baseline's.",
        unit="items",
        form=Form.POINTS,
        low=-1.0,
        high=1.0,
        better="lower",
        kind="degradation",
        section="solved",
        source="minus the change of accuracy on generated answers",
        words="checked answers that fail",
        roles=("outcome",),
    ),
    *OF_TEXTS,
)
_BY_NAME = {measure.name: measure for measure in MEASURES}


def measure_of(name: str) -> Measure:
    """The measure of this name. Raises KeyError."""
    return _BY_NAME[name]


def measures_in(role: Role) -> tuple[str, ...]:
    """The names of the measures that play a role, in the registry's order."""
    return tuple(measure.name for measure in MEASURES if role in measure.roles)


def form_of(name: str) -> Form:
    """How the numbers of a measure, or of anything else that is shown, are written."""
    if known := _BY_NAME.get(name):
        return known.form
    return Form.SHARE if name.startswith(SHARE_PREFIXES) else SHOWN_FORMS.get(name, Form.PLAIN)


def is_change(name: str) -> bool:
    """Whether it is a difference between two models, of which zero is the middle."""
    return name in _BY_NAME and _BY_NAME[name].low < 0

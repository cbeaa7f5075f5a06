"""The part of the registry that is measured from texts alone: signs of degradation, and apart from them, divergence.

In: nothing. Out: OF_TEXTS, frozen Measures, which ledger/measures.py lists with all others.
"""

from ledger.forms import Form
from ledger.measure_facts import INF, damage, likeness, thought

OF_TEXTS = (
    damage(
        "loops",
        "loops",
        "Turns that say a passage again and again, copy after copy: how many more than the baseline's.",
        "turns that loop",
        verb="repeats itself",
        outcome=True,
    ),
    damage(
        "repetition",
        "repetition",
        "Four-word phrases that repeat an earlier one of the same turn: how many more than the baseline's.",
        "repeated four-word phrases",
        source="seq-rep-4, Welleck et al. 2019, arXiv 1908.04319",
        outcome=True,
    ),
    damage(
        "unfinished",
        "unfinished",
        "Turns that were cut at the token limit: how many more than the baseline's.",
        "turns cut at the limit",
        verb="is cut at the token limit",
        outcome=True,
    ),
    damage(
        "empty",
        "empty",
        "Turns without a visible text: how many more than the baseline's.",
        "empty turns",
        verb="writes nothing",
    ),
    damage(
        "broken",
        "broken",
        "Turns with open code, tokens of a chat template, replacement characters or endless thinking: how many more.",
        "broken turns",
        verb="writes broken text",
    ),
    damage(
        "wrong_script",
        "wrong script",
        "Turns in a script that their question does not have: how many more than the baseline's.",
        "turns in a wrong script",
        verb="leaves the question's script",
    ),
    thought(
        "thoughts",
        "thoughts",
        "Turns that begin with thoughts: how many more than the baseline's. To think is not worse than not to.",
        "turns with thoughts",
        verb="thinks",
    ),
    thought(
        "thought_characters",
        "characters of thought",
        "Characters of the thoughts of a turn, 0 without any: how many more than the baseline's. Longer is not worse.",
        "characters of thought a turn",
        form=Form.CHARACTERS_CHANGE,
        ends=(-INF, INF),
    ),
    damage(
        "thought_loops",
        "loops in thoughts",
        "Turns whose thoughts say a passage again and again, by the rule of loops: how many more than the baseline's.",
        "turns whose thoughts loop",
        verb="repeats itself in its thoughts",
        section="thoughts",
    ),
    damage(
        "thought_unclosed",
        "endless thoughts",
        "Turns of thoughts that no answer follows, of all turns: how many more than the baseline's.",
        "turns of thoughts alone",
        verb="never gets from its thoughts to an answer",
        section="thoughts",
    ),
    likeness(
        "log_length_ratio",
        "length ratio (log)",
        "Logarithm of the candidate's characters over the baseline's, turn by turn. Longer is not worse.",
        "log of the length ratio",
        form=Form.CHANGE,
        ends=(-INF, INF),
    ),
    likeness(
        "same_text",
        "same text",
        "Turns whose text is the baseline's to the last character. Another text is not a worse one.",
        "turns with the same text",
        outcome=True,
    ),
    likeness(
        "first_difference",
        "first difference",
        "How much of the longer of two texts stands before they first differ.",
        "text before the first difference",
    ),
    likeness(
        "similarity",
        "similarity",
        "ROUGE-L of two texts: the longest common subsequence of words, as a share of both.",
        "similarity of texts (ROUGE-L)",
        source="Lin 2004, ROUGE-L with equal weights",
        outcome=True,
    ),
)

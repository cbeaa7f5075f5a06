"""The scripts of a text: does an answer use one that its question does not?

In: an answer and its question's texts. Out: yes or no, for each side by itself.

An answer is in a wrong script where two letters or more of one stand side by side that is not Latin and that no
question so far has; or where the question is written in another script than Latin, and less than a tenth of the
answer's letters outside code are of a script of the question. What stands in code, in quotes or in brackets is passed
over, and so are up to three Greek letters: they are examples, names and mathematics. A question that names a language
allows its scripts; with kana it may be answered in kana and Han. Letters are told apart by the first word of their
Unicode names.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

LATIN = "LATIN"
JAPANESE = frozenset({"HIRAGANA", "KATAKANA", "CJK"})
OTHERS = JAPANESE | {
    *("GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "SYRIAC", "THAANA", "ETHIOPIC", "CHEROKEE"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA"),
    *("THAI", "LAO", "TIBETAN", "MYANMAR", "KHMER", "MONGOLIAN", "HANGUL", "BOPOMOFO"),
}
LANGUAGES = {
    **dict.fromkeys(("japanese", "kanji"), JAPANESE),
    **dict.fromkeys(("chinese", "mandarin", "cantonese"), frozenset({"CJK", "BOPOMOFO"})),
    "korean": frozenset({"HANGUL", "CJK"}),
    **dict.fromkeys(
        (
            "russian",
            "ukrainian",
            "bulgarian",
            "serbian",
            "belarusian",
            "macedonian",
            "kazakh",
            "mongolian",
            "kyrgyz",
            "tajik",
        ),
        frozenset({"CYRILLIC", "MONGOLIAN"}),
    ),
    **dict.fromkeys(("arabic", "persian", "farsi", "urdu", "pashto", "kurdish"), frozenset({"ARABIC"})),
    **dict.fromkeys(("hebrew", "yiddish"), frozenset({"HEBREW"})),
    **dict.fromkeys(("hindi", "marathi", "nepali", "sanskrit"), frozenset({"DEVANAGARI"})),
    "punjabi": frozenset({"GURMUKHI", "ARABIC"}),
    "burmese": frozenset({"MYANMAR"}),
    "odia": frozenset({"ORIYA"}),
    "sinhalese": frozenset({"SINHALA"}),
    "cambodian": frozenset({"KHMER"}),
    "amharic": frozenset({"ETHIOPIC"}),
    **{script.lower(): frozenset({script}) for script in OTHERS},
}
"""What a question that names a language, or a script itself, may be answered in."""
ENGLISH = re.compile(
    "英语|英文|英語|английск|англійськ|영어|अंग्रे|الإنجليزية|انگلیسی|אנגלית|ภาษาอังกฤษ|english", re.IGNORECASE
)
LEAST_SHARE = 0.1
MATHEMATICS = 3  # Greek letters side by side, at most
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ASIDE = re.compile(
    r"\([^()\n]{1,80}\)|（[^（）\n]{1,80}）|\[[^][\n]{1,80}\]|\"[^\"\n]{1,80}\"|“[^”\n]{1,80}”|«[^»\n]{1,80}»|「[^」\n]{1,80}」"
)


def in_wrong_script(text: str, asked: Iterable[str]) -> bool:
    """Whether an answer leaves the scripts of its question; `asked` are the user's turns so far."""
    allowed, main = _asked_scripts(tuple(asked))
    if text.isascii() and main == LATIN:
        return False
    if not text.isascii() and _strangers(_ASIDE.sub(" ", _CODE.sub(" ", text)), allowed):
        return True
    if main == LATIN:
        return False
    counts = _counts(_CODE.sub(" ", text))
    total = sum(counts.values())
    own = sum(count for script, count in counts.items() if script in allowed and script != LATIN)
    return total > 0 and own < LEAST_SHARE * total


@lru_cache(maxsize=4096)
def _asked_scripts(asked: tuple[str, ...]) -> tuple[frozenset[str], str]:
    """The scripts of the user's turns, Latin always among them, and the one of most of their letters."""
    question = " ".join(asked)
    counts = _counts(question)
    named = (LANGUAGES.get(word, frozenset()) for word in re.findall(r"[a-z]+", question.lower()))
    kana = JAPANESE if counts.keys() & (JAPANESE - {"CJK"}) else frozenset[str]()
    main = max(counts, key=lambda script: counts[script], default=LATIN)
    return kana.union({LATIN, *counts}, *named), LATIN if ENGLISH.search(question) else main


def _strangers(text: str, allowed: frozenset[str]) -> bool:
    """Whether two letters stand side by side of a script that is not allowed."""
    for word in _LETTERS.findall(text):
        if word.isascii():
            continue
        found = [script_of(letter) for letter in word]
        if found.count("GREEK") <= MATHEMATICS:
            found = [LATIN if script == "GREEK" else script for script in found]
        if any(one == other and one not in allowed for one, other in pairwise(found)):
            return True
    return False


def _counts(text: str) -> Counter[str]:
    return Counter(script_of(letter) for letter in text if letter.isalpha())


@lru_cache(maxsize=65536)
def script_of(letter: str) -> str:
    """A letter's script; what belongs to no script, such as an ordinal sign or a letter of mathematics, is Latin."""
    name = LATIN if letter.isascii() else unicodedata.name(letter, LATIN).replace("-", " ").split()[0]
    return name if name in OTHERS else LATIN

"""The seam: how requests are driven, how options become tokens and prefixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.engine import Message, ScoreRequest, Traced, TraceRequest, WriteRequest, drive, split_tokens
from generation.option_trees import OptionTree
from generation.scripted_engine import ScriptedEngine
from ledger.errors import EngineError


def write(name: str) -> WriteRequest:
    return WriteRequest(name, (Message("user", name),), 0.0, 1, 8)


def test_no_more_than_the_window_is_in_flight():
    engine = ScriptedEngine(window=3)
    most = 0
    original = engine.submit

    def submit(request):
        nonlocal most
        original(request)
        most = max(most, len(engine._waiting))

    engine.submit = submit
    drive(engine, (write(str(i)) for i in range(20)), lambda reply: None)
    assert len(engine.submitted) == 20
    assert most == 3


def test_a_continuation_goes_in_before_new_work():
    engine = ScriptedEngine(window=2)

    def follow(reply):
        return write(reply.id + "+") if not reply.id.endswith("+") else None

    drive(engine, (write(name) for name in "abc"), follow)
    assert engine.submitted == ["a", "b", "a+", "b+", "c", "c+"]


def test_an_engine_that_loses_requests_is_not_waited_for():
    engine = ScriptedEngine()
    engine.step = lambda: []
    with pytest.raises(EngineError, match="1 requests unanswered"):
        drive(engine, [write("a")], lambda reply: None)


def test_what_an_engine_raises_names_the_model_and_is_no_bug_of_assays():
    engine = ScriptedEngine()

    def step():
        raise RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB")

    engine.step = step
    with pytest.raises(EngineError, match=r"^int4: the engine failed: RuntimeError: CUDA out of memory\.$"):
        drive(engine, [write("a")], lambda reply: None, "int4")


@pytest.mark.parametrize("request_of", [ScoreRequest("t/7", "c", (" a",)), TraceRequest("t/7", "c", " a", 1)])
def test_a_model_that_computes_nan_is_named_with_the_item(request_of, monkeypatch):
    nan = float("nan")
    monkeypatch.setattr("generation.scripted_engine._trace", lambda request: Traced(request.id, (1,), (nan,), (), ()))
    engine = ScriptedEngine(score=lambda request: ((nan,),))
    with pytest.raises(EngineError, match=r"^int4: computes NaN .*t/7"):
        drive(engine, [request_of], lambda reply: None, "int4")


def letters(text: str) -> list[int]:
    """A tokenizer that glues a blank to the next letter, as byte-pair encodings do."""
    tokens = []
    for index, letter in enumerate(text):
        if letter == " " and index + 1 < len(text):
            continue
        glued = index > 0 and text[index - 1] == " "
        tokens.append(ord(letter) + (1000 if glued else 0))
    return tokens


def test_blanks_at_the_end_of_a_context_belong_to_the_continuation():
    assert split_tokens(letters, "ab ", "c") == split_tokens(letters, "ab", " c")
    context, continuation = split_tokens(letters, "ab", " cd")
    assert context == (97, 98)
    assert continuation == (1099, 100)


def test_options_share_their_first_position():
    tree = OptionTree("i", [((1, 2), (3,)), ((1, 2), (4,)), ((1, 2), (3, 5))])
    assert tree.prefixes == {(1, 2): {3, 4}, (1, 2, 3): {5}}
    tree.fill(1, {5: -0.5})
    assert not tree.complete
    tree.fill(0, {3: -1.0, 4: -2.0})
    assert tree.logprobs() == ((-1.0,), (-2.0,), (-1.0, -0.5))


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=2, max_size=5))
def test_a_tree_gives_each_option_the_values_of_its_own_tokens(options):
    context = (9, 9)
    tree = OptionTree("i", [(context, tuple(option)) for option in options])

    def value(prefix, token):
        return -float(hash((prefix, token)) % 97)

    for number, (prefix, following) in enumerate(tree.prefixes.items()):
        tree.fill(number, {token: value(prefix, token) for token in following})
    expected = tuple(
        tuple(value((*context, *option[:i]), token) for i, token in enumerate(option)) for option in options
    )
    assert tree.logprobs() == expected
    assert len(tree.prefixes) <= sum(len(option) for option in options)


def test_an_option_without_tokens_is_refused():
    with pytest.raises(ValueError, match="item i"):
        OptionTree("i", [((1,), ()), ((1,), (2,))])


def test_the_scripted_engine_scores_too():
    engine = ScriptedEngine()
    engine.submit(ScoreRequest("i", "c", (" a", " bb")))
    assert engine.step()[0].logprobs == ((-2.0,), (-3.0,))

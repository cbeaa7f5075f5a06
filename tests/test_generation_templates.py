"""How a conversation becomes a prompt: the model's own template, FastChat's by name, and clear errors for neither."""

import pytest

from generation.engine import Message, WriteRequest
from generation.templates import chat_prompt, written_prompt
from generation.tokenizers import tokenizer_digest
from ledger.errors import ConfigError, EngineError

TALK = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Bye"))


class Tokenizer:
    """A tokenizer whose tokens are characters, with a beginning-of-text token of its own."""

    name_or_path = "org/model"
    bos_token = "^"
    chat_template = "template"

    def __init__(self, opening: str = "assistant:") -> None:
        self.opening = opening

    def apply_chat_template(self, turns, add_generation_prompt, tokenize):
        assert add_generation_prompt
        assert not tokenize
        return "".join(f"{turn['role']}:{turn['content']}\n" for turn in turns) + self.opening

    def encode(self, text, add_special_tokens=True):
        return [ord(letter) for letter in ("^" if add_special_tokens else "") + text]

    def get_vocab(self):
        return {chr(number): number for number in range(32, 127)}


def text_of(tokens) -> str:
    return "".join(map(chr, tokens))


def test_the_models_own_template_is_used_and_nothing_is_added():
    prompt = chat_prompt(Tokenizer(), TALK)
    assert text_of(prompt.tokens) == "user:Hi\nassistant:Hello\nuser:Bye\nassistant:"
    assert (prompt.stop, prompt.stop_tokens, prompt.opens_thinking) == ((), (), "")


def test_a_template_that_opens_a_thinking_block_is_seen():
    assert chat_prompt(Tokenizer("assistant:<think>\n"), TALK).opens_thinking == "<think>"
    assert chat_prompt(Tokenizer("assistant:◁think▷"), TALK).opens_thinking == "◁think▷"


def test_a_model_without_a_template_is_refused_never_given_a_foreign_one():
    bare = Tokenizer()
    bare.chat_template = None
    with pytest.raises(EngineError, match=r"org/model: its tokenizer has no chat template.*fastchat:NAME"):
        chat_prompt(bare, TALK)


def test_a_template_that_fails_is_an_error_with_its_cause():
    class Broken(Tokenizer):
        def apply_chat_template(self, turns, add_generation_prompt, tokenize):
            raise ValueError("roles must alternate\nlong traceback")

    with pytest.raises(EngineError, match=r"org/model: its chat template fails: ValueError: roles must alternate$"):
        chat_prompt(Broken(), TALK)


def test_fastchats_templates_by_name():
    pytest.importorskip("fastchat.conversation", reason="the extra fastchat is not installed")
    prompt = chat_prompt(Tokenizer(), TALK, "fastchat:vicuna_v1.1")
    rendered = text_of(prompt.tokens)
    assert rendered.startswith("^A chat between")
    assert rendered.endswith("USER: Hi ASSISTANT: Hello</s>USER: Bye ASSISTANT:")
    with pytest.raises(ConfigError, match=r"no template 'vicuna_v1.2'. The nearest are vicuna_v1.1, "):
        chat_prompt(Tokenizer(), TALK, "fastchat:vicuna_v1.2")
    stopping = chat_prompt(Tokenizer(), TALK, "fastchat:Robin")
    assert (stopping.stop, stopping.stop_tokens) == (("###",), (2, 396))


def test_a_template_that_begins_the_text_itself_gets_no_second_beginning():
    pytest.importorskip("fastchat.conversation", reason="the extra fastchat is not installed")
    tokenizer = Tokenizer()
    tokenizer.bos_token = "A chat"
    assert not text_of(chat_prompt(tokenizer, TALK, "fastchat:vicuna_v1.1").tokens).startswith("^")


def test_without_fastchat_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fastchat.conversation", None)
    with pytest.raises(EngineError, match="Install the extra `fastchat`"):
        chat_prompt(Tokenizer(), TALK, "fastchat:vicuna_v1.1")


def test_tokenizers_that_cut_differently_have_other_digests():
    class Pairs(Tokenizer):
        def encode(self, text, add_special_tokens=True):
            return super().encode(text, add_special_tokens)[::2]

    assert tokenizer_digest(Tokenizer()) == tokenizer_digest(Tokenizer())
    assert tokenizer_digest(Tokenizer()) != tokenizer_digest(Pairs())


@pytest.mark.parametrize(("error", "told"), [(KeyError("role"), "KeyError: 'role'"), (ValueError(), "no message")])
def test_a_template_may_raise_anything_and_say_nothing(error, told):
    class Broken(Tokenizer):
        def apply_chat_template(self, turns, add_generation_prompt, tokenize):
            raise error

    with pytest.raises(EngineError, match=told):
        chat_prompt(Broken(), TALK)


def test_stop_strings_are_left_to_the_reader_where_a_template_knows_thoughts():
    plain, thinking = Tokenizer(), Tokenizer()
    thinking.chat_template = "{{ x }}</think>"
    request = WriteRequest("1", (Message("user", "?"),), 0.0, 1, 8, stop=("\n\n",))
    assert written_prompt(plain, request, "").stop == ("\n\n",)
    assert written_prompt(thinking, request, "").stop == ()
    bare = WriteRequest("1", (), 0.0, 1, 8, prompt="2 + 2", stop=("\n\n",))
    assert written_prompt(thinking, bare, "").stop == ("\n\n",)


def test_an_answer_that_has_begun_is_gone_on_with():
    class Continuing(Tokenizer):
        def apply_chat_template(self, turns, tokenize, **how):
            assert how == {"continue_final_message": True}
            return "".join(f"{turn['role']}:{turn['content']}\n" for turn in turns).rstrip()

    begun = (Message("user", "2 + 2?"), Message("assistant", "It is"))
    assert text_of(chat_prompt(Continuing(), begun).tokens) == "user:2 + 2?\nassistant:It is"
    pytest.importorskip("fastchat", reason="fastchat is not installed (extra fastchat)")
    talk = (Message("system", "Count."), *begun)
    shown = text_of(chat_prompt(Tokenizer(), talk, "fastchat:vicuna_v1.1").tokens)
    assert "Count." in shown
    assert shown.endswith("ASSISTANT: It is")


def test_a_bare_text_is_no_conversation():
    request = WriteRequest("1", (), 0.0, 1, 8, prompt="2 + 2 =")
    assert text_of(written_prompt(Tokenizer(), request, "").tokens) == "^2 + 2 ="


def test_what_a_template_passes_over_is_refused_by_name():
    class Deaf(Tokenizer):
        def apply_chat_template(self, turns, **settings):
            return super().apply_chat_template([turn for turn in turns if turn["role"] != "system"], **settings)

    system = (Message("system", "You are a pirate."), *TALK)
    assert "pirate" in text_of(chat_prompt(Tokenizer(), system).tokens)
    with pytest.raises(ConfigError, match="its chat template leaves the system text out"):
        chat_prompt(Deaf(), system)
    with pytest.raises(ConfigError, match="its chat template knows no enable_thinkin"):
        chat_prompt(Tokenizer(), TALK, arguments={"enable_thinkin": False})

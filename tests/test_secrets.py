"""Secrets stand nowhere: not as they are, not as endpoints echo them, not where a URL carries them.

In: endpoints on loopback that echo what they were sent, in one spelling or another. Out: messages, records, reports.
"""

import base64
import json
import urllib.parse

import pytest

from assay.cli import run as assay
from ledger.config import config_from_text
from ledger.endpoint.secrets import redacted
from ledger.endpoint.words import complaint, excerpt
from ledger.errors import BadRecord, ConfigError, EngineError
from tests.fake_judge_server import KEY, FakeJudgeServer, Served, completion, verdict
from tests.judge_reviews import CONFIG, review
from tests.served_models import run, write

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

CODE = "hush/Very+Secret=0123"
SPELLINGS = {
    "as it is": lambda secret: secret,
    "in capitals": str.upper,
    "in JSON": lambda secret: "".join(rf"\u{ord(sign):04x}" for sign in secret),
    "in JSON within JSON": lambda secret: json.dumps(json.dumps(secret.replace("/", "\\/"))),
    "in a URL": lambda secret: urllib.parse.quote(secret, safe=""),
    "in a URL, all of it": lambda secret: "".join(f"%{ord(sign):02x}" for sign in secret),
    "in a URL within a URL": lambda secret: urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
    "in base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "in base64 behind a name": lambda secret: base64.b64encode(f"u:{secret}".encode()).decode(),
    "in base64 behind a longer one": lambda secret: base64.b64encode(f"me:{secret}@x".encode()).decode(),
    "in base64 of URLs": lambda secret: base64.urlsafe_b64encode(f"{secret}~~??".encode()).decode(),
}


@pytest.mark.parametrize("secret", [KEY, CODE, "a?>?>?>?>bcd"])
@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_found_in_each_spelling(spelled, secret):
    said = f"before {spelled(secret)} after"
    left = redacted(said, secret)
    assert "[api key]" in left
    assert left.startswith("before ")
    assert left.endswith(" after")
    assert len(left) <= len("before ") + len("[api key]") + len(" after") + 12  # what stood around it in its triple


def test_json_without_a_secret_is_json_and_other_texts_stay():
    said = json.dumps({"a": 'say "x\\sk-1234567-n\n' + KEY + '"', "b": "\\\\" + KEY})
    assert json.loads(redacted(said, KEY))["a"].endswith('[api key]"')
    assert redacted(said, "another-key-0123") == said
    assert redacted("EMPTY is a word", "EMPTY") == "EMPTY is a word"


def test_no_part_of_a_secret_is_left_where_a_text_is_cut():
    for shown in (excerpt, lambda text, secret: complaint(text, [secret])):
        for most in (500, 20_000):
            assert "sk-" not in shown("x" * (most - 5) + KEY + " and more" * 9, KEY)


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_what_an_endpoint_echoes_stands_in_no_message_and_in_no_file(tmp_path, monkeypatch, capfd, spelled):
    monkeypatch.setenv("CODE", CODE)

    def script(body):
        echo = f"{spelled(KEY)} and {spelled(CODE)}"
        if "about 0." in body["messages"][-1]["content"]:
            return Served({"error": {"message": f"no such thing: {echo}"}}, 400)
        served = completion(f"{verdict(body['messages'])} {echo}")
        served.body["model"] = echo
        return served

    with FakeJudgeServer(script) as server:
        config, folder = review(tmp_path, f"{server.base_url}?code=$CODE", 2, 'modes = ["single"]')
        for command in ("judge", "analyze"):
            assay([command, str(config), "--runs", str(tmp_path / "runs")])
        with pytest.raises(EngineError) as caught:
            run(server, write(text="about 0."), base_url=f"{server.base_url}?code=$CODE")
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    texts = [path.read_text(errors="replace") for path in files] + [str(caught.value), *capfd.readouterr()]
    assert any("no such thing" in text for text in texts)
    for secret in (KEY, CODE):
        assert not [text for text in texts if spelled(secret) in text or secret in text]


def test_a_secret_in_a_url_is_sent_and_told_to_nobody(monkeypatch):
    seen = []

    class Seeing(FakeJudgeServer):
        def _handler(self):
            class Handler(super()._handler()):
                def do_POST(self):
                    seen.append(self.path)
                    super().do_POST()

            return Handler

    def script(_):
        return Served(f"Cannot POST {seen[-1]}".encode(), 404)

    monkeypatch.setenv("CODE", CODE)
    with Seeing(script) as server:
        for url in (f"{server.base_url}?code=$CODE", ""):  # as a config names it, as the environment holds it
            monkeypatch.setenv("OPENAI_BASE_URL", f"{server.base_url}?code={urllib.parse.quote(CODE, safe='')}")
            with pytest.raises(EngineError, match=r"Cannot POST /v1/chat/completions\?code=\[api key\]"):
                run(server, write(), base_url=url, api_key_env="")
    assert {urllib.parse.parse_qs(path.partition("?")[2])["code"][0] for path in seen} == {CODE}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://host/v1?code=hush-hush", "its 'code' carries a secret, which never stands in a file"),
        ("https://host/v1?api-version=1&subscription-key=hush-hush", "name its variable: ?subscription-key=$NAME"),
        ("https://me:hush-hush@host/v1", "carries a password, which never stands in a file"),
    ],
)
def test_a_config_holds_no_secret_of_a_url(url, words):
    with pytest.raises((ConfigError, BadRecord)) as caught:
        config_from_text(CONFIG.format(url=url, exam="true", in_flight=1, more=""), "review.toml")
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        'extra_body = { api_key = "sk-secretsecret-123456" }',
        'extra_body = { api_key = "hush-hush" }',
        'extra_body = { sources = [{ authentication = { key = "hush-hush" } }] }',
        'extra_body = { user = "gsk_hush1234567890abcdef" }',
        'headers = { X-Api-Key = "$sk-secretsecret-123456" }',
        'headers = { Authorization = "Bearer $hush1234567890abcdefgh" }',
        'headers = { X-Title = "sk-secretsecret-123456" }',
        'headers = { X_Api_Key = "hush-hush" }',
        'api_key_env = "sk-secretsecret-123456"',
        'api_key_env = "gsk_hush1234567890abcdef"',
        'api_key_env = "0123456789abcdefhush6789abcdef01"',
        'api_key_env = "hush0123456789abcdef6789abcdef01"',
        'api_key_env = "$OPENAI_API_KEY"',
    ],
)
def test_a_config_holds_no_secret_and_prints_none(line):
    """A judge's section and a served model's alike; a key in the place of its variable's name is none, and not told."""
    judge = f'[[judge]]\nmodel = "j"\n{line}\n'
    models = '[baseline]\nmodel = "b"\nengine = "openai"\n{}\n[[candidate]]\nmodel = "c"\n'
    for text in (models.format("") + judge, models.format(line)):
        with pytest.raises((ConfigError, BadRecord)) as caught:
            config_from_text(f'name = "r"\n{text}[questions]\nsource = "assay"\n', "review.toml")
        assert any(words in str(caught.value) for words in ("carries a secret", "names the environment variable"))
        assert not [part for part in ("hush", "secretsecret", "abcdef") if part in str(caught.value)]


def test_what_is_no_secret_may_stand_in_a_config():
    more = """extra_body = { prompt_cache_key = "r1", eos_token = "</s>", min_tokens = 4, tokenizer = "sk-learn" }
headers = { X-Request-Id = "550e8400e29b41d4a716446655440000", Authorization = "Bearer $MY_KEY_2" }"""
    text = CONFIG.format(url="http://localhost:1/v1", exam="true", in_flight=1, more=more)
    assert config_from_text(text, "").judge[0].headers["Authorization"] == "Bearer $MY_KEY_2"


def test_what_is_no_secret_may_stand_in_a_url():
    url = "https://host/v1?api-version=2024-10-21&region=west"
    assert config_from_text(CONFIG.format(url=url, exam="true", in_flight=1, more=""), "").judge[0].base_url == url

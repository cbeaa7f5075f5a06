"""Keys and networks: which key goes where, which way leads there, and what is wrong with the way in plain words."""

import asyncio
import shutil
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest

from assay.commands.demo import judge_of
from judge.brief import Brief
from judge.client import OpenAITransport
from ledger.config import config_from_text, read_config
from ledger.endpoint.batch_files import BatchFiles
from ledger.endpoint.parameters import EndpointParameters
from ledger.endpoint.places import is_local, key_for, resolved
from ledger.errors import ConfigError, EngineError, JudgeError, Rejected, Unavailable
from tests.fake_judge_server import KEY, KEY_VARIABLE, FakeJudgeServer, Served, completion
from tests.judge_reviews import CONFIG, PROMPTS, configured
from tests.served_models import run, spec, write

ASK = [{"role": "user", "content": "u"}]


def said(transport):
    async def talk():
        async with transport:
            return await transport.call(ASK, 10)

    return asyncio.run(talk())


def test_openais_key_goes_to_openais_host_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OTHER", "other-key-01234")
    assert key_for("", "", "") == key_for("https://api.openai.com/v1", "", "") == KEY
    for url in ("https://api.openai.com.example/v1", "http://models.example/v1", "https://example/api.openai.com"):
        with pytest.raises(ConfigError, match=r"goes to api\.openai\.com alone") as caught:
            key_for(url, "", "judge j")
        assert str(caught.value).startswith("judge j: ")
        assert key_for(url, "OTHER", "") == "other-key-01234"
    assert key_for("http://models.example/v1", "OPENAI_API_KEY", "") == KEY  # named, so meant
    assert key_for("http://127.0.0.1:1/v1", "", "") == ""


def test_no_key_of_the_environment_reaches_a_server_on_this_machine_unless_it_is_named(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeJudgeServer(lambda _: completion("x")) as server:
        run(server, write(), api_key_env="")
        run(server, write(), api_key_env="OPENAI_API_KEY")
    assert server.keys == ["Bearer no-key", f"Bearer {KEY}"]


def test_openai_base_url_holds_where_no_url_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeJudgeServer(lambda _: completion("here")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert said(OpenAITransport("", "", "m", 5)).text == "here"
        assert run(server, write(), base_url="", api_key_env="")[0]["1"].text == "here"
        assert key_for("", "", "") == ""  # this is not OpenAI's host
        brief = Brief(tmp_path, configured(base_url=""), PROMPTS, "b", ["c"], None, 1)
        assert brief.settings["host"] == "127.0.0.1"
        assert f'base_url = "{server.base_url}"' in judge_of("", "m")
        assert 'api_key_env = "JUDGE_API_KEY"' in judge_of("", "m")
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert resolved("") == "https://api.openai.com/v1"
    assert 'api_key_env = "OPENAI_API_KEY"' in judge_of("", "m")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0", "[::]"])
def test_this_machine_by_any_of_its_names(host):
    assert is_local(f"http://{host}:8000/v1")


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example", "127.0.0.1.example"])
def test_other_machines(host):
    assert not is_local(f"http://{host}:8000/v1")


def test_a_server_that_says_it_listens_everywhere_is_reached_without_a_proxy(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with FakeJudgeServer(lambda _: completion("here")) as server:
        assert said(OpenAITransport(server.base_url.replace("127.0.0.1", "0.0.0.0"), "", "m", 5)).text == "here"


def test_azures_version_of_the_api_stands_behind_each_calls_path(monkeypatch):
    seen = []

    class Seeing(FakeJudgeServer):
        def _handler(self):
            class Handler(super()._handler()):
                def do_POST(self):
                    seen.append((self.path, self.headers.get("api-key")))
                    super().do_POST()

            return Handler

    with Seeing(lambda _: completion("x")) as server:
        said(OpenAITransport(f"{server.base_url}?api-version=2024-10-21", KEY, "m", 5))
        said(OpenAITransport(server.base_url, KEY, "m", 5))
    assert seen == [("/v1/chat/completions?api-version=2024-10-21", KEY), ("/v1/chat/completions", None)]


def test_a_socks_proxy_without_its_library_is_one_plain_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hush@127.0.0.1:9")
    with pytest.raises(ConfigError, match="a SOCKS proxy of the environment needs a library") as caught:
        said(OpenAITransport("https://judge.example/v1", KEY, "m", 5))
    assert "pip install socksio" in str(caught.value)
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("ALL_PROXY", "gopher://user:hush@127.0.0.1:9")
    with pytest.raises(ConfigError, match="a proxy of the environment has an address that is none") as caught:
        said(OpenAITransport("https://judge.example/v1", KEY, "m", 5))
    assert "hush" not in str(caught.value)


def proxied(monkeypatch, scheme, proxy):
    """What is told of a call through a proxy, to a judge and to a model under test."""
    monkeypatch.setenv(f"{scheme}_PROXY".upper(), proxy)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    url = f"{scheme}://judge.example/v1"
    with pytest.raises(Rejected) as caught:
        said(OpenAITransport(url, KEY, "m", 5))
    assert caught.value.stops_all
    with FakeJudgeServer() as server, pytest.raises(EngineError) as of_model:
        run(server, write(), base_url=url)
    with pytest.raises(JudgeError), BatchFiles(url, KEY, EndpointParameters()) as files:
        files.state("batch_1")
    assert str(of_model.value) == str(caught.value)
    assert "hush" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_or_refuses_is_told_so_at_once(monkeypatch, scheme):
    """A proxy answers for a host by https with its own status before any call is made, by http in its place."""
    with refusing_proxy(b"407 Proxy Authentication Required") as proxy:
        sentence = proxied(monkeypatch, scheme, f"http://user:hush@{proxy}")
    assert "HTTP 407" in sentence
    assert "The proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT." in sentence
    with refusing_proxy(b"403 Forbidden") as proxy:
        sentence = proxied(monkeypatch, scheme, f"http://user:hush@{proxy}")
    assert scheme == "http" or f"HTTP 403 Forbidden: said by the proxy of the environment, {proxy}. Look at" in sentence


@contextmanager
def refusing_proxy(status):
    """Host and port of a proxy on loopback that lets nobody through."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_and_not_the_judge(monkeypatch, scheme):
    sentence = proxied(monkeypatch, scheme, "http://user:hush@proxy.invalid:8080")
    assert "no connection through the proxy of the environment, proxy.invalid:8080 (" in sentence
    assert sentence.endswith("Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.")
    monkeypatch.setenv("NO_PROXY", "judge.invalid")
    with pytest.raises(Unavailable, match=r"no connection \("):
        said(OpenAITransport(f"{scheme}://judge.invalid/v1", KEY, "m", 5))


def test_a_url_with_a_blank_in_it_is_told_so():
    for url in ("https://judge.example/ v1", "https://judge .example/v1", " https://judge.example/v1", "http://a/v1\n"):
        with pytest.raises(ConfigError, match="judge j: base_url has a blank in it"):
            key_for(url, "", "judge j")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_certificates_of_the_environment_hold_on_this_machine_too(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *about]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = FakeJudgeServer(lambda _: completion("sealed"))
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    with server:
        url = server.base_url.replace("http:", "https:")
        with pytest.raises(Unavailable, match="certificate"):
            said(OpenAITransport(url, KEY, "m", 5))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert said(OpenAITransport(url, KEY, "m", 5)).text == "sealed"
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="SSL_CERT_FILE names no certificates"):
        said(OpenAITransport("http://127.0.0.1:9/v1", KEY, "m", 5))


def test_a_byte_order_mark_before_a_config_is_no_fault(tmp_path):
    text = CONFIG.format(url="http://127.0.0.1:1/v1", exam="true", in_flight=1, more="")
    (tmp_path / "review.toml").write_text(text, encoding="utf-8-sig")
    assert read_config(tmp_path / "review.toml") == config_from_text(text, "")


def test_a_model_that_needs_a_key_and_has_none_is_told_so_before_a_call(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with FakeJudgeServer() as server, pytest.raises(ConfigError, match=f"{KEY_VARIABLE} is not set"):
        run(server, write(), base_url=spec("http://models.example/v1").base_url)
    assert server.requests == []


@pytest.mark.parametrize(
    "served",
    [
        Served({"detail": "Not Found"}, 404),
        Served(b"<html><title>404 Not Found</title></html>", 404),
        Served(b"<html><title>Open WebUI</title></html>"),
    ],
)
def test_a_url_without_its_version_is_told_where_nothing_is_found(served):
    with FakeJudgeServer(lambda _: served) as server:
        bare = server.base_url.removesuffix("/v1")
        with pytest.raises(Rejected, match=r"dd /v1 to base_url") as caught:
            said(OpenAITransport(bare, KEY, "m", 5))
        assert caught.value.stops_all
        with pytest.raises(EngineError, match=r"dd /v1 to base_url"):
            run(server, write(), base_url=bare)
        with pytest.raises(Rejected) as caught:
            said(OpenAITransport(server.base_url, KEY, "m", 5))
        assert "/v1 to" not in str(caught.value)
    assert len(server.requests) == 3


def test_a_page_in_the_middle_of_a_session_may_pass():
    served = iter([completion("a"), Served(b"<html>restarting</html>"), completion("b")])
    with FakeJudgeServer(lambda _: next(served)) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5)

        async def talk():
            async with transport:
                await transport.call(ASK, 10)
                with pytest.raises(Unavailable, match=r"not a completion: a page \(restarting\)"):
                    await transport.call(ASK, 10)
                return await transport.call(ASK, 10)

        assert asyncio.run(talk()).text == "b"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another name", "another port"])
def test_no_call_follows_to_another_origin_so_no_key_does(monkeypatch, status, host):
    monkeypatch.setenv("GATEWAY", "gateway-secret-01234")
    parameters = EndpointParameters(headers={"X-Gateway-Key": "$GATEWAY"})
    with FakeJudgeServer(lambda _: completion("x")) as thief:
        target = thief.base_url.replace("127.0.0.1", host)
        with FakeJudgeServer(lambda _: Served(b"", status, {"Location": f"{target}/chat/completions"})) as server:
            with pytest.raises(Rejected) as caught:
                said(OpenAITransport(server.base_url, KEY, "m", 5, parameters=parameters))
            with pytest.raises(EngineError, match=f"another host, {target.removesuffix('/v1')}"):
                run(server, write(), parameters=parameters)
            files = BatchFiles(server.base_url, KEY, parameters)
            with files, pytest.raises(JudgeError, match="another host"):
                files.state("batch_1")
    assert (thief.requests, caught.value.stops_all, caught.value.status) == ([], True, status)
    assert f"another host, {target.removesuffix('/v1')}." in str(caught.value)


def test_a_call_follows_within_its_origin():
    served = iter([Served(b"", 307, {"Location": "/v1/chat/completions/"}), completion("there")])
    with FakeJudgeServer(lambda _: next(served)) as server:
        assert said(OpenAITransport(server.base_url, KEY, "m", 5)).text == "there"
    assert server.keys == [f"Bearer {KEY}"] * 2

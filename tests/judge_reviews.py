"""Reviews for judges under test: answers, configs, the usual judge, and OpenAI's batches on loopback.

In: a folder, a judge's URL, settings. Out: a run with both models' answers, a judge's config, a session's summary, the
results of a batch.
"""

import json
import threading
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from judge.prompt_sets import assay_prompts
from judge.scripted_judge import ScriptedJudge
from judge.session import judge_together
from ledger.judge_config import JudgeConfig
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import KEY, answer, completion, counted, verdict
from tests.house import JUDGE_PROMPTS

PROMPTS = assay_prompts(JUDGE_PROMPTS)
IN_FLIGHT = 8
CONFIG = """
name = "r"
[baseline]
model = "/nowhere/base"
label = "base"
control = false
[[candidate]]
model = "/nowhere/cand"
label = "cand"
[questions]
[[judge]]
model = "fake-judge-1"
label = "j"
base_url = "{url}"
api_key_env = "ASSAY_TEST_KEY"
exam = {exam}
concurrency = {in_flight}
attempts = 30
{more}
"""


def essay(name, count=10):
    """A text of so many sentences."""
    return " ".join(f"Sentence {number} of {name}." for number in range(count))


def judge_review(brief, transport=None, report=silent):
    """One judge alone; without a transport, one of simple taste."""
    return judge_together([(brief, lambda _: nullcontext(transport or simple()))], report)[0]


def configured(**settings):
    return JudgeConfig(**{"model": "j", "base_url": "http://127.0.0.1:1/v1", "exam": False, **settings})


def simple():
    return ScriptedJudge(verdict)


def review(
    tmp_path: Path, url: str, questions: int, more: str = "", exam: str = "false", in_flight: int = IN_FLIGHT
) -> tuple[Path, RunFolder]:
    """A config and a run folder with both models' answers."""
    config = tmp_path / "review.toml"
    config.write_text(CONFIG.format(url=url, in_flight=in_flight, more=more, exam=exam))
    run = RunFolder(tmp_path / "runs" / "r")
    for model in ("base", "cand"):
        with Writer(run.generation(model).answers) as writer:
            for number in range(questions):
                count = 7 if model == "base" else 6
                sentences = (f"This is sentence {i} of {model} about {number}." for i in range(count))
                writer.append(answer(model, f"q{number}", " ".join(sentences), f"{model} adds to {number}."))
    return config, run


def result(line, status=200, **body):
    """What a batch says about one request: the verdict of the simple judge."""
    request = json.loads(line)
    said = {"error": {"message": "no"}}
    if status == 200:
        said = counted(completion(verdict(request["body"]["messages"])), request["body"]).body
    return json.dumps(
        {
            "id": "r",
            "custom_id": request["custom_id"],
            "response": {"status_code": status, "request_id": "x", "body": said | body},
            "error": None,
        }
    )


@contextmanager
def batch_server(status="completed"):
    """OpenAI's files and batches on loopback; results are made from what was uploaded."""
    files, seen = {}, []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

        def send(self, body, status=200):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"]))
            if self.path == "/v1/files":
                lines = [line for line in data.decode().splitlines() if line.startswith('{"custom_id"')]
                files["results"] = ("\n".join(result(line, seen_key=KEY) for line in lines[:-1]) + "\n").encode()
                files["errors"] = (result(lines[-1], status=500) + "\n").encode()
                about = {"id": "f1", "object": "file", "bytes": 1, "created_at": 1, "filename": "x"}
                self.send({**about, "purpose": "batch", "status": "processed"})
            else:
                self.send(self.batch("validating"))

        def do_GET(self):
            if self.path.startswith("/v1/files/"):
                self.send(files[self.path.split("/")[3]])
            elif self.path == "/v1/batches/b1":
                self.send(self.batch(status))
            else:
                self.send({"error": {"message": f"no such batch, {KEY}"}}, 404)

        def batch(self, now):
            ended = {"output_file_id": "results", "error_file_id": "errors"} if now != "validating" else {}
            if now == "failed":
                ended = {"errors": {"object": "list", "data": [{"message": f"Enqueued token limit reached, {KEY}"}]}}
            about = {"id": "b1", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "f1"}
            return {**about, "completion_window": "24h", "status": now, "created_at": 1, **ended}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()

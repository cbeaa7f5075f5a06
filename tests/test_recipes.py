"""Every command of the README and of docs/ is run as a reader would, or covered by a named test.

In: the pages, whose blocks run in their order. Models and keys are the scripted engine and a judge on loopback
(tests/recipe_world.py); nothing leaves the machine.
"""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from assay import load
from assay.sources.labels import labels
from assay.sources.material import checked_task, task_items
from ledger.config import ReviewConfig, config_from_text
from ledger.judgments import Winner
from ledger.material_config import TaskConfig
from tests.command_lines import DOCS, GENERATED, HOW_TO, PAGES, Block, blocks, commands, fault, inline, name_of
from tests.house import HOUSE
from tests.recipe_world import Reader, readers

FASTCHAT, GATE, JUDGES, OWN_TASKS = (
    DOCS / "how-to" / f"{name}.md" for name in ("fastchat", "release-gate", "judges", "own-tasks")
)
BATCH = "tests/test_judge_batch.py::test_a_hosted_batch_is_submitted_once_and_its_partial_results_are_taken"
MAKE = "tests/test_recipes.py::test_make_sets_up_and_runs_what_it_says"
EXTRAS = "tests/test_readme.py::test_its_extras_are_declared"
COVERED = {
    "make demo": MAKE,
    "make test": MAKE,
    "python3 -m venv .venv": MAKE,
    ". .venv/bin/activate": MAKE,
    "pip install '.[gpu]'": EXTRAS,
    "pipx install '.[gpu]'": EXTRAS,
    "pipx install .": EXTRAS,
    "assay judge review.toml --batch submit": BATCH,
    "assay judge review.toml --batch collect": BATCH,
    "vllm run-batch -i runs/my-review/judge/qwen/batch/requests-0001.jsonl -o results.jsonl"
    " --model Qwen/Qwen2.5-72B-Instruct-AWQ": (
        "tests/test_real_server.py::test_vllms_own_batch_runner_reads_our_requests_and_we_its_results"
    ),
    "pip install --no-deps -r docs/release/requirements-cpu.txt -e .": (
        "tests/test_release_files.py::test_a_lock_has_one_version_of_everything_and_the_right_one_of_what_is_asked"
    ),
    "assay judge review.toml --batch collect --results results.jsonl": (
        "tests/test_judge_batch.py::test_a_batch_gives_the_same_records_as_the_wire"
    ),
    "assay review review.toml --ray auto": ("tests/test_placement_ray.py::test_a_killed_worker_costs_nothing_but_time"),
    "assay replay data/mt_bench --port 8321": (
        "tests/test_replay.py::test_the_command_prints_its_place_and_a_judge_and_stops_by_itself"
    ),
    "assay study": "tests/test_ready_reviews.py::test_a_limited_study_runs_to_its_end_and_the_same_command_goes_on",
}
"""Commands that cannot run here (installing, a cluster, OpenAI's batches, hours), and a test that covers each."""
DECIDED = (0, 10, 11, 12)
BEFORE = {
    "report.md": "lm_eval --output_path logs/bf16; lm_eval --output_path logs/int4\n"
    "assay compare logs/bf16 logs/int4 --margin 0.3 --leave-out gsm8k\n"
    "cp runs/compare/analysis/report.json . && mkdir docs",
}
"""What a page takes for granted."""
MINIMAL = 'name = "r"\n[baseline]\nmodel = "a/b"\n{}\n[questions]\nsource = "assay"\n{}'
KEY = "sk-your-key"
CANDIDATE = '[[candidate]]\nmodel = "a/c"\n'


def bare(line: str) -> str:
    """A line without its comment."""
    return re.sub(r"(^|\s+)#.*", "", line).strip()


def covered(line: str) -> bool:
    """Whether another test has this line; `assay study` takes hours with every option."""
    return bare(line) in COVERED or bare(line).startswith("assay study ")


def runnable(block: Block) -> str:
    """What a reader's shell is told; a block of Python goes to Python."""
    if block.language == "python":
        return f"python - <<'END'\n{block.text}END\n"
    return "\n".join(line for line in block.text.splitlines() if not covered(line))


def failures(reader: Reader, page: Path) -> list[str]:
    """What went wrong where, block by block."""
    found = []
    before = reader.tell(BEFORE.get(page.name, ""))
    assert before.returncode == 0, before.stderr
    for block in blocks(page, "sh", "python"):
        done = reader.tell(runnable(block))
        if done.returncode not in DECIDED:
            found.append(f"{block.place}: exit code {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-1500:]}")
    return found


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with readers(tmp_path_factory.mktemp("machine")) as reader:
        yield reader


@pytest.fixture(scope="module")
def followed(machine):
    """Gives the desk on which a page was followed, and the failures; each page is followed once, a recipe after those
    before it.
    """
    known = {}

    def follow(page: Path) -> tuple[Reader, list[str]]:
        if page not in known:
            before = HOW_TO[: HOW_TO.index(page)] if page in HOW_TO else ()
            reader = follow(before[-1])[0] if before else machine(name_of(page).replace("/", "-"))
            known[page] = reader, failures(reader, page)
        return known[page]

    return follow


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_runs_in_its_order(followed, page):
    if "jq " in page.read_text(encoding="utf-8") and not shutil.which("jq"):
        pytest.skip("jq is not here")
    _, found = followed(page)
    assert found == []


def test_the_recipes_leave_what_they_promise(followed):
    desk = followed(HOW_TO[-1])[0].desk
    for name in (
        "runs/demo/analysis/report.html",
        "runs/my-review/analysis/junit.xml",
        "runs/compare/generation/bf16@control/choices.jsonl",
        "runs/my-review/labels.jsonl",
        "audited/audit.md",
        "exported/model_judgment/gpt-4_single.jsonl",
        "runs/array/analysis/report.md",
        "diff/diff.md",
    ):
        assert (desk / name).stat().st_size, name
    assert not list((desk / "runs/array").rglob("shards"))
    assert not (desk / "trial/my-review/judge").exists()
    assert "redacted" in (desk / "report.html").read_text()
    assert KEY not in "".join(path.read_text(errors="replace") for path in desk.rglob("*.json*"))


def test_the_workflows_are_yaml_and_their_steps_run(followed):
    reader, _ = followed(HOW_TO[-1])
    github, gitlab = (yaml.safe_load(block.text) for block in blocks(GATE, "yaml"))
    steps = github["jobs"]["assay"]["steps"]
    assert steps[0]["with"] == {"clean": False}  # what a checkout removes would be paid for again
    assert gitlab["assay"]["variables"]["GIT_CLEAN_FLAGS"].endswith("-e runs/")
    assert [step.get("name") for step in steps] == [None, "review", "comment", "report"]
    assert {step.get("if") for step in steps[2:]} == {"always()"}
    job = gitlab["assay"]
    report = (reader.desk / "runs/my-review/analysis/report.md").read_bytes()
    for scripts in ([step["run"] for step in steps if "run" in step], [*job["script"], *job["after_script"]]):
        (reader.desk / "commented.md").unlink(missing_ok=True)
        gate, comment = scripts
        decided = reader.tell(f"trap - ERR\n{gate}")
        assert decided.returncode == 12, decided.stderr
        assert "UNFIT: the evidence cannot be used" in decided.stdout
        assert reader.tell(comment).returncode == 0
        assert (reader.desk / "commented.md").read_bytes().splitlines()[:3] == report.splitlines()[:3]
    for path in (steps[3]["with"]["path"], *job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (reader.desk / path).exists()


def test_every_recipe_has_its_place_in_the_order():
    assert {*HOW_TO} == {*(DOCS / "how-to").glob("*.md")} - {DOCS / "how-to" / "index.md"}


def kept(desk: Path, name: str) -> dict[str, object]:
    """All that a page told a stand-in for a tracker."""
    calls = (json.loads(line) for line in (desk / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return {key: value for call in calls for key, value in call.items()}


def test_a_tracker_is_told_the_decision_its_numbers_and_the_files(followed):
    desk = followed(HOW_TO[-1])[0].desk
    frame = load(desk / "runs/my-review").to_frame().dropna(subset="value")
    decided = [path for path in frame.path if path.startswith("decisions/")]
    for name, mark in (("mlflow", "/"), ("wandb", "_")):
        told = kept(desk, name)
        assert len(told["metrics"]) == len(decided) > 2
        assert all(each.startswith(f"decisions{mark}") for each in told["metrics"])
        assert {"report.html", "report.json", "tables"} <= {*told["files"]}
        assert told["run"] == "my-review"
        assert told.get("decision", told.get("summary", {}).get("decision") if name == "wandb" else None) == "UNFIT"


@pytest.mark.parametrize("page", [*PAGES, *GENERATED], ids=name_of)
def test_every_command_in_blocks_and_in_prose_is_one_of_the_real_command_line(page):
    shown = "\n".join(block.text for block in blocks(page, "sh", "yaml"))
    faults = [fault(command) for command in commands(re.sub(r"<<'EOF'", "", shown))]
    assert [each for each in faults if each] == []
    assert [fault(each, whole=False) for each in inline(page) if fault(each, whole=False)] == []


@pytest.mark.parametrize("page", [*PAGES, *GENERATED], ids=name_of)
def test_no_block_hides_behind_another_name(page):
    assert {block.language for block in blocks(page)} <= {"", "sh", "python", "toml", "yaml", "json", "jsonl"}
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page))
    for block in blocks(page, "", "json", "jsonl"):
        assert not commands(block.text), block.place


@pytest.mark.parametrize("command", COVERED)
def test_a_command_that_is_not_run_stands_in_a_page_and_its_test_exists(command):
    lines = [bare(line) for page in PAGES for block in blocks(page, "sh") for line in block.text.splitlines()]
    assert command in lines
    path, name = COVERED[command].split("::")
    assert re.search(rf"^\s*def {name}\(", (HOUSE / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_make_sets_up_and_runs_what_it_says():
    told = {
        target: subprocess.run(
            ["make", "--dry-run", "--always-make", target], cwd=HOUSE, capture_output=True, text=True, check=True
        ).stdout
        for target in ("demo", "test", "docs")
    }
    assert all("-m venv .venv" in shown for shown in told.values())
    assert "install --quiet --editable '.[docs]'" in told["docs"]
    assert ".venv/bin/sphinx-build -q -W --keep-going docs docs/_build/html" in told["docs"]
    for shown in (told["demo"], told["test"]):
        assert "install --quiet --editable '.[cpu,dev]'" in shown
    assert ".venv/bin/assay demo" in told["demo"]
    assert '.venv/bin/python -m pytest -q -m "not soak"' in told["test"]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("assay plan --margin 0.01 # many", 0),
        ("assay plan --margin 0.01 --fake", 64),
        ("assay nonsense\ntrue", 64),
        ("assay review missing.toml\ntrue", 64),
        ("(exit 10)\n(exit 11)\n(exit 12)\ntrue", 0),
        ("(exit 20)\ntrue", 20),
        ("false\ntrue", 1),
    ],
)
def test_a_block_with_a_flag_that_is_gone_fails_and_one_with_a_decision_does_not(machine, tmp_path, block, code):
    page = tmp_path / "page.md"
    page.write_text(f"# A copy\n\n```sh\n{block}\n```\n")
    found = failures(machine(tmp_path.name), page)
    assert [f"{page}, line 4: exit code {code}" in each for each in found] == ([True] if code else [])


def test_a_copy_of_a_block_with_a_fake_flag_fails(machine, tmp_path):
    block = next(block for block in blocks(FASTCHAT, "sh") if "assay audit" in block.text)
    for name, flag in (("right.md", ""), ("wrong.md", " --fake")):
        page = tmp_path / name
        page.write_text(f"```sh\n{block.text.replace('--review llama', '--review llama' + flag)}```\n")
        found = failures(machine(f"copy-{page.stem}"), page)
        assert len(found) == bool(flag)
    assert "exit code 64" in found[0]
    assert "No such option: --fake" in found[0]


def test_the_line_of_votes_is_one_that_labels_are_read_from(tmp_path):
    [block] = blocks(JUDGES, "json")
    (tmp_path / "votes.jsonl").write_text(block.text)
    [label] = labels(tmp_path / "votes.jsonl", "bf16", ["w4a16"], {"81": "mt-bench"})
    assert label is not None
    assert (label.question, label.turn, label.winner, label.rater) == ("81", 1, Winner.BASELINE, "ann")


def test_the_line_of_items_is_an_item(tmp_path):
    [block, _] = blocks(OWN_TASKS, "jsonl")
    (tmp_path / "trivia.jsonl").write_text(block.text)
    (item,) = task_items(TaskConfig(name=str(tmp_path / "trivia.jsonl"))).items
    assert (item.task, item.subject, item.options[item.gold]) == ("trivia", "sums", "4")


def test_the_checked_item_of_the_recipe_is_one(tmp_path):
    [_, block] = blocks(OWN_TASKS, "jsonl")
    (tmp_path / "sums.jsonl").write_text(block.text)
    task = checked_task(TaskConfig(name=str(tmp_path / "sums.jsonl"), checker="number"))
    assert task is not None
    assert (task.items[0].targets, task.items[0].id) == (("8",), "s1")


@pytest.mark.parametrize("block", [b for page in PAGES for b in blocks(page, "toml")], ids=lambda block: block.place)
def test_every_piece_of_a_config_fits_into_one(block):
    tomllib.loads(block.text)
    keys = block.text if block.text.startswith("[") else CANDIDATE.replace("a/c", "a/d") + 'label = "d"\n' + block.text
    more = keys.startswith("[[candidate]]")
    text = MINIMAL.format(CANDIDATE + keys if more else CANDIDATE, "" if more else keys)
    assert isinstance(config_from_text(text, block.place), ReviewConfig)

"""What a folder of lm-evaluation-harness' logs offers: logs to read, and everything else by its name.

In: files and folders, and what the user chose beforehand. Out: one Log per task, and what is passed over, why,
and by whose word. Nothing is chosen silently: two runs of a task, or the samples of two models under one path, are
refused with both names.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.sources.imported_records import Offered
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_repeats import numbered
from assay.sources.lm_eval_results import groups_of, origin_in, results_beside, tasks_in
from assay.sources.lm_eval_scans import ONE_MODEL, Scan, named_like_evidence, refuse_two_models, scan_of, told_apart
from ledger.errors import ConfigError
from ledger.origins import MOST_LISTED, LeftOut, Origin, other_files


@dataclass(frozen=True)
class Chosen:
    """What the user declared beforehand: the newest of several runs or each as a repeat, these tasks, all but those."""

    latest: bool = False
    tasks: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    repeats: bool = False

    def declared(self, *names: str) -> str:
        """By what a thing of these names is left out on purpose; empty where it is not."""
        if set(names) & set(self.leave_out):
            return "leave_out"
        return "--task" if self.tasks and not set(names) & set(self.tasks) else ""


EVERYTHING = Chosen()


@dataclass(frozen=True)
class Offer:
    """What lies under some paths: the logs to read, one per task and run; what is passed over; every name.

    `parts` are the names that are no task by themselves, and what each is instead.
    """

    logs: tuple[Log, ...]
    left_out: tuple[LeftOut, ...]
    names: frozenset[str]
    parts: Mapping[str, str]

    @property
    def tasks(self) -> set[str]:
        """The tasks to read, as they were declared to the harness."""
        return {log.group for log in self.logs}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The files, and whose they are."""
        return tuple(log.origin for log in self.logs)


def offered(paths: Sequence[Path], chosen: Chosen = EVERYTHING) -> Offer:
    """What files and folders offer. Raises ConfigError."""
    scans = [scan_of(path) for path in paths]
    logs = [log for scan in scans for log in scan.logs]
    if not logs:
        raise ConfigError(
            f"no samples of lm-evaluation-harness in {', '.join(map(str, paths))}",
            remedy="Run it with --log_samples; the files are called samples_TASK_TIME.jsonl.",
        )
    for scan in scans:
        refuse_two_models(scan)
    newest, earlier = _chosen_runs(logs, chosen)
    read = [log for log in newest if not chosen.declared(*log.names)]
    passed = [
        *(_task(log, chosen, why) for log in newest if (why := chosen.declared(*log.names))),
        *(_file(log.path.name, f"an earlier run of {log.task}", "--latest") for log in earlier),
        *(each for scan in scans for each in _without_samples(scan, newest, chosen)),
        *(each for scan in scans for each in _other_files(scan, chosen)),
    ]
    names = {name for log in newest for name in log.names} | {each.name for each in passed}
    known = frozenset(names | {each.group for each in passed if each.group})
    return Offer(tuple(read), tuple(passed), known, _parts(newest, passed))


def refuse_unknown(said: Iterable[str], offers: Sequence[Offered], where: str) -> None:
    """Stop where a name that the user said is in none of the offers. Raises ConfigError."""
    known = frozenset[str]().union(*(offer.names for offer in offers))
    for name in said:
        task, item = name.partition("/")[::2]
        if name not in known and not (item and task in known):  # an item's own name is known once its log is read
            shown = ", ".join(sorted(known)[:MOST_LISTED])
            raise ConfigError(f"there is no {name!r} in these logs", where=where, remedy=f"There are {shown}.")


def refuse_parts(ruled: Iterable[str], offers: Sequence[Offered], where: str) -> None:
    """Stop where a rule speaks of what is a task of no offer: a part, a list of tasks, an item. Raises ConfigError."""
    for name in ruled:
        if any(name in offer.names and name not in offer.parts for offer in offers):
            continue
        item = f"it is an item of {name.partition('/')[0]}"
        why = next((offer.parts[name] for offer in offers if name in offer.parts), item)
        raise ConfigError(f"{name} is no task by itself: {why}", where=where, remedy="A rule is of a whole task.")


def _parts(newest: Iterable[Log], passed: Iterable[LeftOut]) -> dict[str, str]:
    """Every name that is no task by itself, and what it is instead."""
    held, listed, tasks = dict[str, str](), dict[str, set[str]](), set[str]()
    for log in newest:
        tasks.add(log.group)
        groups = log.names[1:]  # the top-most first
        place = groups.index(log.group)
        held |= dict.fromkeys(groups[place + 1 :], f"it is a part of {log.group}")
        for name in groups[:place]:
            listed.setdefault(name, set()).add(log.group)
    lists = {name: f"it only lists {', '.join(sorted(below))}" for name, below in listed.items()}
    files = {each.name: "it is a file" for each in passed if each.kind != "task"}
    unread = {each.name: f"it is a part of {each.group}" for each in passed if each.group not in ("", each.name)}
    return {name: why for name, why in (files | unread | lists | held).items() if name not in tasks}


def _chosen_runs(logs: Iterable[Log], chosen: Chosen) -> tuple[list[Log], list[Log]]:
    """The logs of each task, by name, and those of earlier runs: one a task, unless every run is a repeat.

    Raises ConfigError where there are several and nothing was chosen.
    """
    found: dict[str, list[Log]] = {}
    for log in logs:
        runs = found.setdefault(log.task, [])
        if any(each.path.resolve() == log.path.resolve() for each in runs):
            continue
        for first in runs[:1]:
            _refuse_unlike_runs(first, log)
            if not (chosen.latest or chosen.repeats) or log.stamp in {each.stamp for each in runs}:
                raise ConfigError(
                    f"two logs of the task {log.task}: {first.path} and {log.path}.",
                    remedy="Name the one that is meant, or use --latest; --repeats takes each as a repeat.",
                )
        runs.append(log)
    ordered = [sorted(found[name], key=lambda log: log.stamp) for name in sorted(found)]
    if chosen.repeats:
        return [log for runs in ordered for log in numbered(runs)], []
    return [runs[-1] for runs in ordered], [log for runs in ordered for log in runs[:-1]]


def _refuse_unlike_runs(first: Log, second: Log) -> None:
    """Two runs of a task by two models, or by one with other arguments: the newest is not the same thing anew."""
    one, other = (origin_in(log.results, log.path.name) for log in (first, second))
    if one.model and other.model and one.identity != other.identity:
        names = told_apart(one, other)
        raise ConfigError(
            f"two models' logs of the task {first.task}: {names[0]} in {first.path}, {names[1]} in {second.path}.",
            remedy=ONE_MODEL,
        )


def _without_samples(scan: Scan, newest: Collection[Log], chosen: Chosen) -> Iterator[LeftOut]:
    """Tasks that a results file has and whose samples are not there; files named one by one are a choice."""
    held = {log.task for log in newest}
    with_samples = {results_beside(log.path, log.stamp) for log in scan.logs if log.stamp}
    with_samples |= {log.path.with_name("results.json") for log in scan.logs if not log.stamp}
    for file, results in scan.results.items():
        name = scan.name(file)
        lacking = [task for task in tasks_in(results) if task not in held]
        for task in lacking:
            group, *_ = groups_of(task, results)
            whole = scan.path.is_dir()
            declared = chosen.declared(*groups_of(task, results, every=True)) or ("" if whole else "naming a file")
            cause = f"{name} has it, and its samples are {'not there' if whole else 'not among the files named'}"
            yield LeftOut(kind="task", name=task, group=group, cause=cause, declared=declared)
        if not lacking and file not in with_samples:
            yield _file(name, "a results file without samples of its run", _by_leave_out(chosen, name))


def _other_files(scan: Scan, chosen: Chosen) -> Iterator[LeftOut]:
    """Files that are no logs: those named like evidence by name, others listed as far as there is room."""
    named = [file for file in scan.rest if named_like_evidence(file.name)]
    for file in named if scan.path.is_dir() else ():
        name = scan.name(file)
        yield _file(name, "its name promises evidence, and it is not read", _by_leave_out(chosen, name))
    for file in () if scan.path.is_dir() else named:
        yield _file(file.name, "it lies beside the files that were named", "naming a file")
    yield from other_files([scan.name(file) for file in scan.rest if file not in named])


def _by_leave_out(chosen: Chosen, name: str) -> str:
    return "leave_out" if name in chosen.leave_out else ""


def _task(log: Log, chosen: Chosen, declared: str) -> LeftOut:
    """A task that was not chosen; its group is the one that the user named, where that is one of them."""
    said = next((name for name in log.names if name in chosen.leave_out and name != log.task), log.group)
    return LeftOut(kind="task", name=log.task, group=said, cause="was not chosen", declared=declared)


def _file(name: str, cause: str, declared: str) -> LeftOut:
    return LeftOut(kind="file", name=name, cause=cause, declared=declared)

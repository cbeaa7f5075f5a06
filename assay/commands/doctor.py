"""The command `assay doctor`: what is here, and what to install for what."""


def doctor() -> None:
    """Tell what is installed here, and what to install for what.

    Engines and extras, GPUs, fetched material, and keys, which are told by name alone. Nothing is started or sent.

    Example:
        assay doctor
    """
    from assay.inventory import checkup
    from assay.results import console, table

    console().print(table(("what", "found", "to have it"), list(checkup())))

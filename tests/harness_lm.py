"""Assay's engines as a model of lm-evaluation-harness: the harness drives them and computes its own metrics.

In: an engine. Out: an LM; tests hold its scores against ours.
"""

from typing import Any

from generation.engine import Engine, Reply, Scored, ScoreRequest, drive


def engine_lm(engine: Engine) -> Any:
    """The engine as a model of the harness: `simple_evaluate(model=engine_lm(engine), …)` scores with it.

    It gives log-likelihoods only; whether a continuation is the greedy one is not known and is given as False.
    """
    from lm_eval.api.model import LM

    class EngineLM(LM):
        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            found: dict[str, float] = {}

            def keep(reply: Reply) -> None:
                if isinstance(reply, Scored):
                    found[reply.id] = float(sum(reply.logprobs[0]))

            pairs = (request.args[:2] for request in requests)
            drive(engine, (ScoreRequest(str(i), context, (text,)) for i, (context, text) in enumerate(pairs)), keep)
            return [(found[str(i)], False) for i in range(len(requests))]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise NotImplementedError("Assay scores multiple choice")

        def generate_until(self, requests: list[Any]) -> list[str]:
            raise NotImplementedError("Assay scores multiple choice")

    return EngineLM()

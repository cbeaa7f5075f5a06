"""Assay's engines as a model of lm-evaluation-harness: the harness drives them and computes its own metrics.

In: an engine. Out: an LM; tests hold its scores against ours.
"""

from typing import Any

from generation.engine import Engine, Reply, Scored, ScoreRequest, WriteRequest, Written, drive


def _writing(id: str, context: str, settings: dict[str, Any]) -> WriteRequest:
    stop, limit = tuple(settings["until"]), settings["max_gen_toks"]
    return WriteRequest(id, (), 0.0, int(id), limit, prompt=context, stop=stop, verbatim=True)


def engine_lm(engine: Engine) -> Any:
    """The engine as a model of the harness: `simple_evaluate(model=engine_lm(engine), …)` scores with it.

    Whether a continuation is the greedy one is not known and is given as False. Texts are greedy.
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
            raise NotImplementedError("Assay scores no rolling log-likelihoods")

        def generate_until(self, requests: list[Any]) -> list[str]:
            found: dict[str, str] = {}

            def keep(reply: Reply) -> None:
                if isinstance(reply, Written):
                    found[reply.id] = reply.text

            drive(engine, (_writing(str(i), *request.args[:2]) for i, request in enumerate(requests)), keep)
            return [found[str(i)] for i in range(len(requests))]

    return EngineLM()

"""How a conversation becomes a prompt: the tokenizer's own chat template, or one of FastChat's by name.

In: a tokenizer, messages, `""` or `fastchat:NAME`. Out: the prompt's tokens and where to stop. The only file that
imports `fastchat` (version 0.2.36, its conversation templates alone). Nothing is added, no system prompt either, and a
foreign template is never taken silently.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from generation.engine import Message, TraceRequest, WriteRequest, split_tokens
from generation.tokenizers import encoder, first_token
from ledger.errors import ConfigError, EngineError, first_line
from ledger.thinking import knows_thoughts, template_opens

PREFIX = "fastchat:"
NEAREST = 3  # names that are offered for one that does not exist


@dataclass(frozen=True)
class Prompt:
    """A conversation ready for the model's next turn; `opens_thinking` is the mark that the template itself ends in."""

    tokens: tuple[int, ...]
    stop: tuple[str, ...] = ()
    stop_tokens: tuple[int, ...] = ()
    opens_thinking: str = ""


def written_prompt(tokenizer: Any, request: WriteRequest, template: str) -> Prompt:  # noqa: ANN401
    """What a request to write shows, its stop strings included. Raises EngineError.

    A template that knows thoughts gets no stop strings: they would cut a thought, and the answer with it.
    """
    if request.prompt:
        return Prompt(tuple(encoder(tokenizer)(request.prompt)), stop=request.stop)
    prompt = chat_prompt(tokenizer, request.messages, template, request.template)
    thinks = knows_thoughts(str(getattr(tokenizer, "chat_template", None)))
    return replace(prompt, stop=prompt.stop if thinks else (*prompt.stop, *request.stop))


def chat_prompt(
    tokenizer: Any,  # noqa: ANN401
    messages: Sequence[Message],
    template: str = "",
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Prompt:
    """The prompt for a conversation. Raises EngineError where the tokenizer has no usable template of its own, and
    ConfigError where it passes over what was declared.
    """
    if template:
        refuse_unknown_template(template)
        if arguments:
            raise ConfigError("FastChat's templates take no `chat_template_kwargs`", where=f"template {template}")
        return _fastchat_prompt(tokenizer, messages, template.removeprefix(PREFIX))
    turns = [{"role": message.role, "content": message.content} for message in messages]
    if not getattr(tokenizer, "chat_template", None):
        raise EngineError(
            "its tokenizer has no chat template",
            where=tokenizer.name_or_path,
            remedy=f'Set template = "{PREFIX}NAME" for this model, or review it with tasks alone.',
        )
    if unknown := [name for name in arguments if name not in str(tokenizer.chat_template)]:
        what = f"its chat template knows no {', '.join(unknown)}: the answers would be others than was declared"
        raise ConfigError(what, where=tokenizer.name_or_path, remedy="Correct `chat_template_kwargs`.")
    try:
        begun = {"continue_final_message" if messages[-1].role == "assistant" else "add_generation_prompt": True}
        rendered = tokenizer.apply_chat_template(turns, tokenize=False, **arguments, **begun)
    except Exception as error:  # a template is the model's own program: it raises jinja2's errors, or any
        raise EngineError(f"its chat template fails: {first_line(error)}", where=tokenizer.name_or_path) from error
    if messages[0].role == "system" and messages[0].content.strip() not in rendered:
        what = "its chat template leaves the system text out: the answers would be others than was declared"
        raise ConfigError(what, where=tokenizer.name_or_path, remedy="Leave out `system`.")
    tokens = tokenizer.encode(rendered, add_special_tokens=False)
    return Prompt(tuple(tokens), opens_thinking=template_opens(rendered))


def refuse_unknown_template(template: str) -> None:
    """Stop where FastChat has no template of this name. Raises ConfigError, which says the nearest, and EngineError."""
    if not template:
        return
    try:
        from fastchat.conversation import conv_templates
    except ImportError as error:
        raise EngineError("fastchat is not installed here", remedy="Install the extra `fastchat`.") from error
    name = template.removeprefix(PREFIX)
    if name not in conv_templates:
        near = difflib.get_close_matches(name, conv_templates, n=NEAREST, cutoff=0.3)
        hint = f"The nearest are {', '.join(near)}." if near else "See fastchat.conversation."
        raise ConfigError(f"FastChat has no template {name!r}", where="template", remedy=hint)


def traced_tokens(tokenizer: Any, request: TraceRequest, template: str) -> tuple[tuple[int, ...], tuple[int, ...]]:  # noqa: ANN401
    """What comes before a traced text, and the text, as tokens. Raises EngineError."""
    if isinstance(request.messages, str):
        return split_tokens(encoder(tokenizer), request.messages, request.answer, first_token(tokenizer))
    prompt = chat_prompt(tokenizer, request.messages, template, request.template).tokens
    return prompt, tuple(tokenizer.encode(request.answer, add_special_tokens=False))


def _fastchat_prompt(tokenizer: Any, messages: Sequence[Message], name: str) -> Prompt:  # noqa: ANN401
    from fastchat.conversation import get_conv_template

    conversation = get_conv_template(name)
    roles = {"user": conversation.roles[0], "assistant": conversation.roles[1]}
    begun = messages[-1].content if messages[-1].role == "assistant" else ""
    for message in messages[: len(messages) - bool(begun)]:
        if message.role == "system":
            conversation.set_system_message(message.content)
        else:
            conversation.append_message(roles[message.role], message.content)
    conversation.append_message(conversation.roles[1], None)
    rendered = conversation.get_prompt()
    rendered += f"{'' if rendered.endswith((' ', chr(10))) else ' '}{begun}" if begun else ""
    begins = bool(tokenizer.bos_token) and rendered.startswith(tokenizer.bos_token)
    stop = conversation.stop_str
    return Prompt(
        tokens=tuple(tokenizer.encode(rendered, add_special_tokens=not begins)),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        stop_tokens=tuple(conversation.stop_token_ids or ()),
    )

"""OpenAI's client against the base URL of the first argument.

Reads one call a line from standard input, {"key", "action", "model"}, and prints what the client saw as one line of JSON.
A stream prints a line when its first chunk is there, and another one at its end.
"""

import json
import sys

from openai import Omit, OpenAI, OpenAIError

PROMPT = [{"role": "user", "content": "hello there"}]


def say(value):
    print(json.dumps(value), flush=True)


def chat(client, model, **options):
    answer = client.chat.completions.create(model=model, messages=PROMPT, **options)
    return {
        "content": answer.choices[0].message.content,
        "model": answer.model,
        "tokens": answer.usage.total_tokens,
    }


def stream(client, model, **options):
    usage = {"include_usage": True}
    chunks = client.chat.completions.create(
        model=model, messages=PROMPT, stream=True, stream_options=usage, **options
    )
    pieces, tokens = [], None
    for chunk in chunks:
        if not pieces:
            say({"began": True})
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    return {"pieces": pieces, "tokens": tokens}


def embeddings(client, model, **options):
    answer = client.embeddings.create(model=model, input=["one", "three"], **options)
    return {"vectors": [one.embedding for one in answer.data], "tokens": answer.usage.total_tokens}


def models(client, _model, **options):
    return {"models": [model.id for model in client.models.list(**options)]}


def model(client, name, **options):
    return {"model": client.models.retrieve(name, **options).id}


ACTIONS = {action.__name__: action for action in (chat, stream, embeddings, models, model)}


def call(base_url, key, action, model):
    # Without retries: each test sees the first answer.
    client = OpenAI(base_url=base_url, api_key=key or "none", max_retries=0, timeout=25)
    options = {} if key else {"extra_headers": {"Authorization": Omit()}}
    try:
        return ACTIONS[action](client, model, **options)
    except OpenAIError as error:
        return {
            "error": {
                "class": type(error).__name__,
                "status": getattr(error, "status_code", None),
                "code": getattr(error, "code", None),
                "message": getattr(error, "message", str(error)),
            }
        }


for line in sys.stdin:
    say(call(sys.argv[1], **json.loads(line)))

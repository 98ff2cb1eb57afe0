"""OpenAI's client against the base URL of the first argument.

Reads one call a line from standard input, {"key", "action", "model", "retries", "words"}, and prints what the client saw as
one line of JSON. "words", if any, are what it says wherever a caller can say something. A stream prints a line when its first chunk is there, and another one at its end. With "retries" the client retries
by itself, and the answer tells in "requests" how many it sent.
"""

import json
import sys

from openai import DefaultHttpxClient, Omit, OpenAI, OpenAIError

PROMPT = [{"role": "user", "content": "hello there"}]


class Counting(DefaultHttpxClient):
    """The client's own transport, which counts what it sends."""

    sent = 0

    def send(self, *args, **options):
        self.sent += 1
        return super().send(*args, **options)


def saying(words):
    """A call's options in which these words stand."""
    return {
        "messages": [{"role": "user", "content": words}],
        "user": words,
        "metadata": {"note": words},
        "extra_headers": {"X-Request-Id": words, "X-Client-Request-Id": words, "Idempotency-Key": words},
        "extra_query": {"note": words},
        "extra_body": {words: words},
    }


def say(value):
    print(json.dumps(value), flush=True)


def chat(client, model, **options):
    answer = client.chat.completions.create(model=model, **{"messages": PROMPT, **options})
    return {
        "content": answer.choices[0].message.content,
        "model": answer.model,
        "tokens": answer.usage.total_tokens,
    }


def stream(client, model, **options):
    usage = {"include_usage": True}
    chunks = client.chat.completions.create(
        model=model, stream=True, stream_options=usage, **{"messages": PROMPT, **options}
    )
    pieces, tokens = [], None
    for chunk in chunks:
        if not pieces:
            say({"began": True})
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    return {"pieces": pieces, "tokens": tokens}


def first_choices(client, model, **options):
    """A stream as most programs read it: without asking for usage, and by the first choice of each chunk."""
    chunks = client.chat.completions.create(model=model, messages=PROMPT, stream=True, **options)
    return {"pieces": [chunk.choices[0].delta.content or "" for chunk in chunks]}


def embeddings(client, model, **options):
    answer = client.embeddings.create(model=model, input=["one", "three"], **options)
    return {"vectors": [one.embedding for one in answer.data], "tokens": answer.usage.total_tokens}


def models(client, _model, **options):
    return {"models": [model.id for model in client.models.list(**options)]}


def model(client, name, **options):
    return {"model": client.models.retrieve(name, **options).id}


ACTIONS = {action.__name__: action for action in (chat, stream, first_choices, embeddings, models, model)}


def call(base_url, key, action, model, retries, words=None):
    # Without retries, unless a test asks for them: each test sees the first answer.
    transport = Counting()
    client = OpenAI(
        base_url=base_url,
        api_key=key or "none",
        max_retries=retries or 0,
        timeout=25,
        http_client=transport,
        organization=words,
        project=words,
    )
    options = saying(words) if words else {}
    if not key:
        options["extra_headers"] = {"Authorization": Omit()}
    try:
        answer = ACTIONS[action](client, model, **options)
    except OpenAIError as error:
        response = getattr(error, "response", None)
        answer = {
            "error": {
                "class": type(error).__name__,
                "status": getattr(error, "status_code", None),
                "code": getattr(error, "code", None),
                "message": getattr(error, "message", str(error)),
                "retry_after": response and response.headers.get("retry-after"),
            }
        }
    return answer if retries is None else {**answer, "requests": transport.sent}


for line in sys.stdin:
    say(call(sys.argv[1], **json.loads(line)))

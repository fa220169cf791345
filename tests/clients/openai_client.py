"""The official Python client of OpenAI's API, controlled by a test: openai_client.py BASE_URL API_KEY

Reads requests as lines of JSON from stdin, and prints the result of each as a line of JSON.
"""

import json
import sys

import openai


def models(client, _command):
    ids = [model.id for model in client.models.list()]
    return {"ids": ids, "retrieved": [client.models.retrieve(model_id).id for model_id in ids]}


def complete(client, command):
    completions = client.chat.completions.with_raw_response
    response = completions.create(**command["request"], extra_headers=command.get("headers"))
    completion = response.parse()
    choice = completion.choices[0]
    return {
        "content": choice.message.content,
        "finish_reason": choice.finish_reason,
        "usage": completion.usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"}),
        "conversation_id": response.headers.get("x-conversation-id"),
    }


def stream(client, command):
    result = {"content": "", "finish_reason": None, "usage": None}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(
        **command["request"], **options, extra_headers=command.get("headers")
    ) as chunks:
        for number, chunk in enumerate(chunks):
            if number == command.get("chunks"):
                break
            if chunk.usage:
                result["usage"] = chunk.usage.model_dump(
                    include={"prompt_tokens", "completion_tokens", "total_tokens"}
                )
            for choice in chunk.choices:
                result["content"] += choice.delta.content or ""
                result["finish_reason"] = choice.finish_reason
    return result


def run(client, command):
    try:
        return {"models": models, "complete": complete, "stream": stream}[command["do"]](client, command)
    except openai.APIError as error:
        fields = {"code": error.code, "param": error.param, "message": error.message}
        return {"error": type(error).__name__, **fields}


def main(base_url, api_key):
    client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
    for line in sys.stdin:
        print(json.dumps(run(client, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

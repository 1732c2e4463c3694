import litellm
from feature import *

ollama = {"model": "ollama_chat/" + MODEL, "api_base": BASE}
openai = {"model": "openai/" + MODEL, "api_base": BASE + "/v1", "api_key": KEY}
messages = [{"role": "user", "content": QUESTION}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
person = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]},
    },
}


@feature
def chat():
    for given in [ollama, openai]:
        is_blue(litellm.completion(**given, messages=messages).choices[0].message.content)


@feature
def stream():
    for given in [ollama, openai]:
        chunks = litellm.completion(**given, messages=messages, stream=True)
        is_blue("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


@feature
def tools():
    for given in [ollama, openai]:
        message = litellm.completion(**given, messages=[{"role": "user", "content": WEATHER}], tools=[weather]).choices[0].message
        assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Paris"}, message


@feature
def structured():
    for given in [ollama, openai]:
        is_ada(**json.loads(litellm.completion(**given, messages=messages, response_format=person).choices[0].message.content))


@feature
def embeddings():
    for given in [{**ollama, "model": "ollama/" + MODEL}, openai]:
        is_vector(litellm.embedding(**given, input=["a"]).data[0]["embedding"])


@feature
def too_long():
    try:
        litellm.completion(**openai, messages=[{"role": "user", "content": "too long"}])
    except litellm.ContextWindowExceededError:
        return
    raise AssertionError("no error of the context")


run()

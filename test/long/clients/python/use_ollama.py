import ollama
from feature import *

client = ollama.Client(host=BASE)


@feature
def chat():
    is_blue(client.chat(model=MODEL, messages=[{"role": "user", "content": QUESTION}]).message.content)


@feature
def stream():
    parts = client.chat(model=MODEL, messages=[{"role": "user", "content": QUESTION}], stream=True)
    is_blue("".join(part.message.content for part in parts))


@feature
def generate():
    is_blue(client.generate(model=MODEL, prompt=QUESTION).response)


@feature
def tools():
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: The city
        """
        return "21 degrees in " + city

    messages = [{"role": "user", "content": WEATHER}]
    answer = client.chat(model=MODEL, messages=messages, tools=[get_weather])
    [call] = answer.message.tool_calls
    messages += [answer.message, {"role": "tool", "tool_name": call.function.name, "content": get_weather(**call.function.arguments)}]
    is_warm(client.chat(model=MODEL, messages=messages, tools=[get_weather]).message.content)


@feature
def structured():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}
    answer = client.chat(model=MODEL, messages=[{"role": "user", "content": "Who?"}], format=schema)
    is_ada(**json.loads(answer.message.content))


@feature
def thinking():
    answer = client.chat(model=MODEL, messages=[{"role": "user", "content": QUESTION}], think=True)
    assert answer.message.thinking
    is_blue(answer.message.content)


@feature
def embeddings():
    vectors = client.embed(model=MODEL, input=["a", "b"]).embeddings
    assert len(vectors) == 2
    is_vector(vectors[0])


@feature
def models():
    assert client.list().models and client.show(MODEL).details


run()

from feature import *
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=BASE + "/v1", api_key=KEY, max_retries=0)
messages = [{"role": "user", "content": QUESTION}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Person(BaseModel):
    name: str
    age: int


@feature
def chat():
    is_blue(client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content)


@feature
def stream():
    chunks = client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    is_blue("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))


@feature
def completions():
    is_blue(client.completions.create(model=MODEL, prompt=QUESTION).choices[0].text)


@feature
def tools():
    asked = [{"role": "user", "content": WEATHER}]
    message = client.chat.completions.create(model=MODEL, messages=asked, tools=[weather]).choices[0].message
    [call] = message.tool_calls
    city = json.loads(call.function.arguments)["city"]
    asked += [message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees in " + city}]
    is_warm(client.chat.completions.create(model=MODEL, messages=asked, tools=[weather]).choices[0].message.content)


@feature
def streamed_tools():
    asked = [{"role": "user", "content": WEATHER}]
    text = ""
    for chunk in client.chat.completions.create(model=MODEL, messages=asked, tools=[weather], stream=True):
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            text += call.function.arguments or ""
    assert json.loads(text) == {"city": "Paris"}, text


@feature
def structured():
    person = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Person).choices[0].message.parsed
    is_ada(person.name, person.age)


@feature
def thinking():
    message = client.chat.completions.create(model=MODEL, messages=messages, reasoning_effort="high").choices[0].message
    assert message.reasoning_content
    is_blue(message.content)


@feature
def responses():
    is_blue(client.responses.create(model=MODEL, input=QUESTION).output_text)


@feature
def streamed_responses():
    with client.responses.stream(model=MODEL, input=QUESTION) as events:
        is_blue(events.get_final_response().output_text)


@feature
def responses_tools():
    tool = {"type": "function", **weather["function"]}
    items = [{"role": "user", "content": WEATHER}]
    answer = client.responses.create(model=MODEL, input=items, tools=[tool])
    [call] = [item for item in answer.output if item.type == "function_call"]
    items += [*answer.output, {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]
    is_warm(client.responses.create(model=MODEL, input=items, tools=[tool]).output_text)


@feature
def responses_structured():
    person = client.responses.parse(model=MODEL, input=QUESTION, text_format=Person).output_parsed
    is_ada(person.name, person.age)


@feature
def embeddings():
    vectors = client.embeddings.create(model=MODEL, input=["a", "b"]).data
    assert len(vectors) == 2
    is_vector(vectors[0].embedding)


@feature
def models():
    assert MODEL in [model.id.split(":")[0] for model in client.models.list()]


run()

from anthropic import Anthropic
from feature import *

client = Anthropic(base_url=BASE, api_key=KEY, max_retries=0)
messages = [{"role": "user", "content": QUESTION}]
weather = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
given = {"model": MODEL, "max_tokens": 1024}


@feature
def chat():
    answer = client.messages.create(**given, messages=messages)
    is_blue(answer.content[0].text)
    assert answer.stop_reason == "end_turn" and answer.usage.input_tokens > 0


@feature
def stream():
    with client.messages.stream(**given, messages=messages) as events:
        is_blue("".join(events.text_stream))


@feature
def tools():
    asked = [{"role": "user", "content": WEATHER}]
    answer = client.messages.create(**given, messages=asked, tools=[weather])
    assert answer.stop_reason == "tool_use"
    [call] = [block for block in answer.content if block.type == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees in " + call.input["city"]}
    asked += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    is_warm(client.messages.create(**given, messages=asked, tools=[weather]).content[-1].text)


@feature
def streamed_tools():
    asked = [{"role": "user", "content": WEATHER}]
    with client.messages.stream(**given, messages=asked, tools=[weather]) as events:
        [call] = [block for block in events.get_final_message().content if block.type == "tool_use"]
    assert call.input == {"city": "Paris"}, call


@feature
def thinking():
    answer = client.messages.create(**{**given, "max_tokens": 4096}, messages=messages, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [block.type for block in answer.content] == ["thinking", "text"], answer.content
    is_blue(answer.content[1].text)


@feature
def count_tokens():
    assert client.messages.count_tokens(model=MODEL, messages=messages).input_tokens > 0


run()

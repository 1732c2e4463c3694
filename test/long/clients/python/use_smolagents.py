from feature import *
from smolagents import OpenAIServerModel, tool


def model():
    return OpenAIServerModel(model_id=MODEL, api_base=BASE + "/v1", api_key=KEY)


@tool
def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: The city
    """
    return "21 degrees in " + city


@feature
def chat():
    is_blue(model()([{"role": "user", "content": QUESTION}]).content)


@feature
def stream():
    parts = model().generate_stream([{"role": "user", "content": QUESTION}])
    is_blue("".join(part.content or "" for part in parts))


@feature
def tools():
    message = model()([{"role": "user", "content": WEATHER}], tools_to_call_from=[get_weather])
    [call] = message.tool_calls
    assert "Paris" in str(call.function.arguments), call


run()

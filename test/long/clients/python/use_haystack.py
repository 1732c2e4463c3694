from feature import *
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool
from haystack.utils import Secret

given = {"api_key": Secret.from_token(KEY), "api_base_url": BASE + "/v1"}
weather = Tool(
    name="get_weather",
    description="The weather of a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    function=lambda city: "21 degrees in " + city,
)


@feature
def chat():
    is_blue(OpenAIChatGenerator(model=MODEL, **given).run([ChatMessage.from_user(QUESTION)])["replies"][0].text)


@feature
def stream():
    parts = []
    generator = OpenAIChatGenerator(model=MODEL, streaming_callback=lambda chunk: parts.append(chunk.content), **given)
    generator.run([ChatMessage.from_user(QUESTION)])
    is_blue("".join(parts))


@feature
def tools():
    generator = OpenAIChatGenerator(model=MODEL, tools=[weather], **given)
    asked = ChatMessage.from_user(WEATHER)
    [answer] = generator.run([asked])["replies"]
    result = ChatMessage.from_tool("21 degrees", origin=answer.tool_call)
    is_warm(generator.run([asked, answer, result])["replies"][0].text)


@feature
def embeddings():
    is_vector(OpenAITextEmbedder(model=MODEL, **given).run("a")["embedding"])


run()

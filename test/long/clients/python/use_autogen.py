import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from feature import *
from pydantic import BaseModel

able = {"vision": False, "function_calling": True, "json_output": True, "family": "unknown", "structured_output": True}


class Person(BaseModel):
    name: str
    age: int


def client():
    return OpenAIChatCompletionClient(model=MODEL, base_url=BASE + "/v1", api_key=KEY, model_info=able, max_retries=0)


async def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 degrees in " + city


@feature
def chat():
    is_blue(asyncio.run(client().create([UserMessage(content=QUESTION, source="user")])).content)


@feature
def tools():
    agent = AssistantAgent("a", client(), tools=[get_weather], reflect_on_tool_use=True)
    is_warm(asyncio.run(agent.run(task=WEATHER)).messages[-1].content)


@feature
def structured():
    answer = asyncio.run(client().create([UserMessage(content="Who?", source="user")], json_output=Person))
    is_ada(**json.loads(answer.content))


run()

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.models.openai.like import OpenAILike
from feature import *
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int


def model():
    return OpenAILike(id=MODEL, base_url=BASE + "/v1", api_key=KEY)


def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 degrees in " + city


@feature
def chat():
    is_blue(Agent(model=model()).run(QUESTION).content)


@feature
def stream():
    is_blue("".join(part.content or "" for part in Agent(model=model()).run(QUESTION, stream=True)))


@feature
def tools():
    is_warm(Agent(model=model(), tools=[get_weather]).run(WEATHER).content)


@feature
def structured():
    person = Agent(model=OpenAIChat(id=MODEL, base_url=BASE + "/v1", api_key=KEY), output_schema=Person).run("Who?").content
    is_ada(person.name, person.age)


run()

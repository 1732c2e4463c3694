from feature import *
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.ollama import OllamaProvider

model = OpenAIChatModel(MODEL, provider=OllamaProvider(base_url=BASE + "/v1", api_key=KEY))


class Person(BaseModel):
    name: str
    age: int


@feature
def chat():
    is_blue(Agent(model).run_sync(QUESTION).output)


@feature
def tools():
    agent = Agent(model)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return "21 degrees in " + city

    is_warm(agent.run_sync(WEATHER).output)


@feature
def structured():
    person = Agent(model, output_type=NativeOutput(Person)).run_sync("Who?").output
    is_ada(person.name, person.age)


@feature
def structured_by_tool():
    person = Agent(model, output_type=Person).run_sync("Who?").output
    is_ada(person.name, person.age)


run()

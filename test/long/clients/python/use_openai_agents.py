from agents import Agent, AsyncOpenAI, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from feature import *
from pydantic import BaseModel

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=BASE + "/v1", api_key=KEY, max_retries=0)
models = [OpenAIChatCompletionsModel(MODEL, client), OpenAIResponsesModel(MODEL, client)]


class Person(BaseModel):
    name: str
    age: int


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 degrees in " + city


@feature
def chat():
    for model in models:
        is_blue(Runner.run_sync(Agent("a", model=model), QUESTION).final_output)


@feature
def tools():
    for model in models:
        is_warm(Runner.run_sync(Agent("a", model=model, tools=[get_weather]), WEATHER).final_output)


@feature
def structured():
    for model in models:
        person = Runner.run_sync(Agent("a", model=model, output_type=Person), "Who?").final_output
        is_ada(person.name, person.age)


run()

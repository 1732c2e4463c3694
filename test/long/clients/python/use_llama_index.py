from feature import *
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.ollama import Ollama
from pydantic import BaseModel

llm = Ollama(model=MODEL, base_url=BASE, context_window=4096)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 degrees in " + city


@feature
def chat():
    is_blue(llm.chat([ChatMessage(role="user", content=QUESTION)]).message.content)


@feature
def stream():
    is_blue("".join(part.delta for part in llm.stream_complete(QUESTION)))


@feature
def tools():
    is_warm(str(llm.predict_and_call([FunctionTool.from_defaults(get_weather)], WEATHER)))


@feature
def structured():
    person = llm.as_structured_llm(Person).complete("Who?").raw
    is_ada(person.name, person.age)


run()

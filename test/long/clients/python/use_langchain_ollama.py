from feature import *
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings
from pydantic import BaseModel

llm = ChatOllama(model=MODEL, base_url=BASE)


class Person(BaseModel):
    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 degrees in " + city


@feature
def chat():
    is_blue(llm.invoke(QUESTION).content)


@feature
def stream():
    is_blue("".join(chunk.content for chunk in llm.stream(QUESTION)))


@feature
def tools():
    bound = llm.bind_tools([get_weather])
    answer = bound.invoke(WEATHER)
    results = [get_weather.invoke(call) for call in answer.tool_calls]
    is_warm(bound.invoke([("human", WEATHER), answer, *results]).content)


@feature
def structured():
    person = llm.with_structured_output(Person).invoke("Who?")
    is_ada(person.name, person.age)


@feature
def thinking():
    answer = ChatOllama(model=MODEL, base_url=BASE, reasoning=True).invoke(QUESTION)
    assert answer.additional_kwargs["reasoning_content"]
    is_blue(answer.content)


@feature
def embeddings():
    is_vector(OllamaEmbeddings(model=MODEL, base_url=BASE).embed_query("a"))


run()

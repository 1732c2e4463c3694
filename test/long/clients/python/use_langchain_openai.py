from feature import *
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

given = {"base_url": BASE + "/v1", "api_key": KEY, "max_retries": 0}
llm = ChatOpenAI(model=MODEL, **given)


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
def responses():
    is_blue(ChatOpenAI(model=MODEL, use_responses_api=True, **given).invoke(QUESTION).text)


@feature
def embeddings():
    is_vector(OpenAIEmbeddings(model=MODEL, **given, check_embedding_ctx_length=False).embed_query("a"))


run()

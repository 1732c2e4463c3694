import instructor
from feature import *
from openai import OpenAI
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int


def of(mode):
    client = instructor.from_openai(OpenAI(base_url=BASE + "/v1", api_key=KEY), mode=mode)
    person = client.chat.completions.create(model=MODEL, response_model=Person, messages=[{"role": "user", "content": "Who?"}], max_retries=0)
    is_ada(person.name, person.age)


@feature
def structured():
    of(instructor.Mode.JSON)


@feature
def schema():
    of(instructor.Mode.JSON_SCHEMA)


@feature
def tools():
    of(instructor.Mode.TOOLS)


run()

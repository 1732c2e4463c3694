import dspy
from feature import *

lm = dspy.LM("openai/" + MODEL, api_base=BASE + "/v1", api_key=KEY, cache=False)


@feature
def chat():
    is_blue(str(lm(QUESTION)))


@feature
def structured():
    class Who(dspy.Signature):
        """A person."""

        question: str = dspy.InputField()
        name: str = dspy.OutputField()
        age: int = dspy.OutputField()

    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        person = dspy.Predict(Who)(question="Who?")
    is_ada(person.name, person.age)


@feature
def embeddings():
    embed = dspy.Embedder("openai/" + MODEL, api_base=BASE + "/v1", api_key=KEY)
    is_vector(list(embed("a")))


run()

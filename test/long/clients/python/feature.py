"""Features of a client: each is tried, and a line of JSON says what came of it."""

import json
import os
import sys
import traceback

#: Address of the server, without a path.
BASE = os.environ["BASE"]
MODEL = "scripted"
KEY = "secret"
QUESTION = "Why is the sky blue?"
WEATHER = "What is the weather in Paris?"

_features = []


def feature(function):
    _features.append(function)
    return function


def is_blue(text):
    assert "blue" in text, text


def is_warm(text):
    assert "21" in text, text


def is_ada(name, age):
    assert (name, age) == ("Ada", 36), (name, age)


def is_vector(vector):
    assert len(vector) > 3 and abs(sum(x * x for x in vector) - 1) < 1e-3, vector


def run():
    """Tries all features. Clients print what they like: the lines go to a file of their own."""
    with open(sys.argv[1], "w") as report:
        for function in _features:
            reason = None
            try:
                function()
            except BaseException:
                reason = traceback.format_exc()
            print(json.dumps({"feature": function.__name__, "reason": reason}), file=report, flush=True)
    os._exit(0)

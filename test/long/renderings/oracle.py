"""Renders templates with Jinja2 as Hugging Face's apply_chat_template sets it up.

Reads JSON lines {"template", "variables"} and writes a JSON line {"output"} or {"error"} for each.
"""

import json
import sys
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda format: datetime.fromisoformat("2025-03-04T00:05:09").strftime(format)

compiled = {}


def render(template, variables):
    if template not in compiled:
        if len(compiled) > 200:
            compiled.clear()
        try:
            compiled[template] = environment.from_string(template)
        except Exception as error:
            compiled[template] = error
    ready = compiled[template]
    if isinstance(ready, Exception):
        raise ready
    return ready.render(**variables)


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"output": render(request["template"], request["variables"])}
        json.dumps(answer, ensure_ascii=False).encode()
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)

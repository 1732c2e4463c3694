import subprocess

from feature import *

#: The plugin for Ollama, and a model by OpenAI's API in llm's own list of such.
environment = {**os.environ, "OLLAMA_HOST": BASE, "LLM_USER_PATH": os.environ["HOME"]}
with open(os.path.join(os.environ["HOME"], "extra-openai-models.yaml"), "w") as models:
    models.write(f"- model_id: by-openai\n  model_name: {MODEL}\n  api_base: {BASE}/v1\n  supports_tools: true\n  supports_schema: true\n")


def llm(*arguments):
    command = [sys.executable, "-m", "llm", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@feature
def chat():
    is_blue(llm("-m", "ollama/" + MODEL, QUESTION))
    is_blue(llm("-m", "by-openai", "--key", KEY, QUESTION))


@feature
def whole():
    is_blue(llm("-m", "ollama/" + MODEL, "--no-stream", QUESTION))


@feature
def structured():
    is_ada(**json.loads(llm("-m", "ollama/" + MODEL, "--schema", "name, age int", "Who?")))


@feature
def tools():
    code = 'def get_weather(city: str) -> str:\n    "The weather of a city"\n    return "21 degrees in " + city\n'
    is_warm(llm("-m", "ollama/" + MODEL, "--functions", code, WEATHER))


run()

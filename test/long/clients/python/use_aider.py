import subprocess
import tempfile

from feature import *


@feature
def chat():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "aider", "--model", "openai/" + MODEL, "--message", QUESTION, "--yes-always", "--no-git"]
        quiet = ["--no-check-update", "--no-show-model-warnings", "--no-analytics", "--no-pretty", "--no-fancy-input"]
        given = {**os.environ, "OPENAI_API_BASE": BASE + "/v1", "OPENAI_API_KEY": KEY}
        is_blue(subprocess.run(command + quiet, cwd=folder, env=given, capture_output=True, text=True, timeout=100).stdout)


run()

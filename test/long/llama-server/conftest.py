"""In place of llama.cpp's own, which downloads models from a hub first."""

import pytest
from utils import server_instances


@pytest.fixture(autouse=True)
def stop_servers():
    yield
    for server in list(server_instances):
        server.stop()

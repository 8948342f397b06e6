"""docs/notebook.ipynb from top to bottom, with small numbers, against a real server."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from challenge.bundle.reader import read_bundle
from tests.support.processes import Server

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


@pytest.fixture
def server(tmp_path):
    served = Server(tmp_path, "--no-worker")
    served.wait_until_up()
    yield served
    served.stop()


def printed(cell):
    return "".join(out.get("text", "") for out in cell.outputs)


@pytest.mark.costly
def test_every_cell_of_the_notebook_works(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MBC_CONFIG", str(server.config))
    monkeypatch.setenv("MBC_TOKEN", server.token("local"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert len(notebook.cells) == 10
    (small,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    small.source = f"SAMPLES, STEPS, CHAINS, SERVER = 20_000, 30, 8, {server.url!r}"
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    *_, scored, drawn, _, sent = notebook.cells
    assert 0 < float(printed(scored).split(" octaves")[0]) < 32
    assert any("image/png" in out.get("data", {}) for out in drawn.outputs)
    assert read_bundle(tmp_path / "mine.zip").manifest.name == "mine"
    assert "queued" in printed(sent)
    assert server.get("/api/v1/board").json()["pending"][0]["name"] == "mine"

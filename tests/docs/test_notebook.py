"""The notebook runs from top to bottom, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.docs

NOTEBOOK = Path(__file__).parents[2] / "docs/notebooks/first.ipynb"


# The kernel's own libraries leave sockets to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_runs_and_shows_the_report(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the file is kept without outputs"
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {
        cell.id: [output["data"] for output in cell.outputs if "data" in output]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    assert "<table" in shown["check"][-1]["text/html"]
    assert "accuracy" in shown["train"][-1]["text/html"].lower()
    assert shown["report"][-1]["text/html"].startswith("<iframe srcdoc=")
    assert "label" in shown["predict"][-1]["text/html"]
    assert "[1, 2]" in shown["torch"][-1]["text/plain"]

"""Run docs/notebook.ipynb in a fresh kernel and keep its outputs in it (extra ``notebook``).

python benchmarks/notebook.py     # minutes; with usps prepared in LECUN89_DATA_DIR for all of it
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"


def executed() -> nbformat.NotebookNode:
    """The notebook with new outputs; of metadata it keeps what is needed to open it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel})
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02}", {}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False)
    client.execute()
    del notebook.metadata["language_info"]  # it names the Python of this machine
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)

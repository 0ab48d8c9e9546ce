import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lecun89.data import DATA
from tests.conftest import Result


def test_json_has_the_documented_shape(cli: Callable[..., Result], data_dir: Path) -> None:
    result = cli("prepare", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.document == {
        "schema_version": 1,
        "data": "1989",
        "splits": {
            split: {"total": total, "sha256": DATA["1989"].sha256[split]}
            for split, total in (("train", 7291), ("validation", 10_000), ("test", 2007))
        },
        "path": str(data_dir / "1989"),
    }


def test_preparing_twice_is_quiet_and_quick(process: Callable[..., Result], tmp_path: Path) -> None:
    first = process("prepare", "--data-dir", tmp_path / "d")
    second = process("prepare", "--data-dir", tmp_path / "d")
    expected = f"1989: 7,291 train, 10,000 validation, 2,007 test; ready in {tmp_path}/d/1989\n"
    for result in (first, second):
        assert (result.exit_code, result.stdout, result.stderr) == (0, expected, "")


def test_verify_confirms_and_finds_what_differs(cli: Callable[..., Result], tmp_path: Path) -> None:
    cli("prepare", "--data-dir", tmp_path)
    result = cli("prepare", "--verify", "--data-dir", tmp_path)
    assert result.exit_code == 0
    assert "verified" in result.stdout
    path = tmp_path / "1989" / "validation.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    result = cli("prepare", "--verify", "--data-dir", tmp_path)
    assert result.exit_code == 3
    assert "validation is damaged" in result.error
    assert path.read_bytes() == content  # verifying changes nothing


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("data", ["1989", "full"])
def test_preparing_stays_within_700_megabytes(data: str, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lecun89.cli import main\n"
        f"sys.argv = ['lecun89', 'prepare', '--data', '{data}', '--data-dir', {str(tmp_path)!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 700_000  # kB

"""Files that people write are read in the encoding that an editor leaves them in, and what is no text is refused."""

import io
import sys
from pathlib import Path

import pytest

from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import STANDARD_INPUT, read_text, read_yaml_file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encoding_that_it_has(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes("name: größe".encode(encoding))
    assert read_text(file) == "name: größe"
    assert read_yaml_file(file) == {"name": "größe"}


def test_what_is_no_text_is_refused_with_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(b"name: \xff")
    with pytest.raises(UsageProblem, match=r"file\.yaml is not text: .* at byte 6"):
        read_yaml_file(file)


def test_standard_input_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a: 1\na: 2"))
    with pytest.raises(UsageProblem, match=r"^standard input, line 2, column 1: .*'a' is there twice"):
        read_yaml_file(STANDARD_INPUT)

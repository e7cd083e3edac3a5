"""The init of shared PID namespaces: an ELF file that a loader would take."""

import struct

import pytest

from kubelet.runtime.errors import SandboxError
from kubelet.runtime.oci import pause


def test_the_entry_point_is_the_code_and_the_segment_is_the_file() -> None:
    data = pause.program("x86_64")
    entry, program_offset = struct.unpack_from("<QQ", data, 24)
    kind, flags, offset, address, _, file_size, memory_size, _ = struct.unpack_from(
        "<IIQQQQQQ", data, program_offset
    )
    assert data[:4] == b"\x7fELF"
    assert (kind, flags, offset) == (1, 5, 0)  # Loaded, readable and executable, from the start.
    assert file_size == memory_size == len(data)
    assert data[entry - address] == 0xB8


def test_the_address_of_the_action_points_behind_the_code() -> None:
    data = pause.program("x86_64")
    code = data[120:]
    (relative,) = struct.unpack_from("<i", code, 13)
    assert struct.unpack_from("<QQQQ", code, 17 + relative) == (1, 0, 0, 0)
    assert len(code) == 17 + relative + 32


def test_other_machines_are_told() -> None:
    with pytest.raises(SandboxError, match="riscv64"):
        pause.program("riscv64")

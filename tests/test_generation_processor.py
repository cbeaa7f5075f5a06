"""What a CPU is called: its model, and the instructions that kernels choose by."""

import platform

import pytest

from generation.processor import cpu_name

X86 = """processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 207
model name	: Made Up(R) CPU
flags		: fpu avx2 amx_int8 sse2 avx512f

processor	: 1
flags		: fpu sve
"""
ARM = """processor	: 0
BogoMIPS	: 50.00
Features	: fp asimd sve bf16
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86, "Made Up(R) CPU 6-207: amx_int8 avx2 avx512f"),
        (ARM, "0x41 8-0xd40: asimd bf16 sve"),
        ("", platform.machine()),
        (None, platform.machine()),
    ],
)
def test_a_cpu_is_named_by_what_its_kernels_ask_for(tmp_path, text, name):
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    assert cpu_name(path) == name

"""Writes golden vectors for the GGUF decoders with ggml's own code.

Use: python scripts/golden/ggml.py LIBGGML OUT

LIBGGML is libggml-base.so of the npm package @node-llama-cpp/linux-x64 3.22.1 (MIT), found after
unpacking at bins/linux-x64/libggml-base.so. OUT is loader/checkpoint/gguf/testdata/ggml.json.
For each type the file holds blocks that ggml quantised from Gaussian numbers, blocks of random
bytes, and the float32 bits that dequantize_row_* gives for both. No Python package is needed.
"""

import base64
import ctypes
import hashlib
import json
import random
import struct
import sys

PACKAGE = "@node-llama-cpp/linux-x64 3.22.1"
TYPES = {"Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14}
ELEMENTS = 1024


def quantised(lib, number, values):
    row = (ctypes.c_float * len(values))(*values)
    size = len(values) // lib.ggml_blck_size(number) * lib.ggml_type_size(number)
    out = (ctypes.c_uint8 * size)()
    written = lib.ggml_quantize_chunk(number, row, out, ctypes.c_int64(0), ctypes.c_int64(1), ctypes.c_int64(len(values)), None)
    assert written == size, (number, written, size)
    return bytes(out)


def decoded(lib, name, data, count):
    out = (ctypes.c_float * count)()
    getattr(lib, "dequantize_row_" + name.lower().replace("_k", "_K"))(ctypes.c_char_p(data), out, ctypes.c_int64(count))
    return bytes(out)


def main(path, out):
    lib = ctypes.CDLL(path)
    lib.ggml_type_size.restype = ctypes.c_size_t
    lib.ggml_blck_size.restype = ctypes.c_int64
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    rng = random.Random(20261122)
    cases = []
    for name, number in TYPES.items():
        values = [struct.unpack("f", struct.pack("f", rng.gauss(0, 0.05)))[0] for _ in range(ELEMENTS)]
        data = quantised(lib, number, values) + rng.randbytes(ELEMENTS // lib.ggml_blck_size(number) * lib.ggml_type_size(number))
        cases.append({
            "name": name,
            "type": number,
            "data": base64.b64encode(data).decode(),
            "float32": base64.b64encode(decoded(lib, name, data, 2 * ELEMENTS)).decode(),
        })
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(out, "w") as f:
        json.dump({"writer": "scripts/golden/ggml.py", "package": PACKAGE, "libggml-base.so sha256": digest, "cases": cases}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

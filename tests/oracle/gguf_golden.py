#!/usr/bin/env python3
"""Makes tests/data/format/gguf_golden.bin: a GGUF file as the Python package `gguf` writes it.

  python tests/oracle/gguf_golden.py tests/data/format/gguf_golden.bin     (pip install gguf numpy)

tests/format/gguf_golden_test.cpp writes the same content and compares the files byte by byte.
"""
import sys

import gguf
import numpy as np


def main():
    writer = gguf.GGUFWriter(sys.argv[1], "llama")
    writer.add_uint8("u8", 200)
    writer.add_int8("i8", -100)
    writer.add_uint16("u16", 60000)
    writer.add_int16("i16", -30000)
    writer.add_uint32("u32", 4000000000)
    writer.add_int32("i32", -2000000000)
    writer.add_float32("f32", 0.1)
    writer.add_uint64("u64", 2**63)
    writer.add_int64("i64", -(2**62))
    writer.add_float64("f64", 1e-200)
    writer.add_bool("bool", True)
    writer.add_string("text", "größer")
    writer.add_array("numbers", [1, -2, 3])
    writer.add_array("reals", [0.5, -1.5])
    writer.add_array("strings", ["", "a", "two words"])
    writer.add_tensor("plain", np.arange(15, dtype=np.float32).reshape(3, 5))
    writer.add_tensor("packed", np.arange(68, dtype=np.uint8).reshape(2, 34), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()

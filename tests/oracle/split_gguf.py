#!/usr/bin/env python3
"""Split a GGUF file with the Python package gguf, to hold Thimble's reading of split models against another writer's.

    python3 tests/oracle/split_gguf.py MODEL.gguf OUT_PREFIX TENSORS_A_PART

Needs: pip install gguf. Writes OUT_PREFIX-00001-of-0000N.gguf and so on; `thimble logits --out` then gives the same bytes for any
of the parts and for MODEL.gguf.
"""
import sys

import gguf


def main():
    model, prefix, tensors = sys.argv[1:]
    reader = gguf.GGUFReader(model)
    writer = gguf.GGUFWriter(prefix + ".gguf", str(reader.fields["general.architecture"].contents()),
                             split_max_tensors=int(tensors))
    for field in reader.fields.values():
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind,
                             sub_type=field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Write tests/data/convert/<case>.json: what llama.cpp's converter makes of the checkpoints of tests/convert/checkpoints.py.

    python3 tests/oracle/convert_golden.py --llama-cpp SOURCES [CASE...]

Needs: pip install torch transformers sentencepiece gguf, and llama.cpp's sources (convert_hf_to_gguf.py with its folder conversion/).
Metadata but for the tokenizer's, and of each tensor shape and, by output type, number format and digest. The small tokenizers are taken
for GPT-2's, whose hash the converter would not find.
"""
import argparse
import json
import pathlib
import runpy
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "convert"))
import checkpoints  # noqa: E402
import gguf_contents  # noqa: E402

def load_converter(sources):
    """The converter's script as a function of its arguments."""
    sys.path[:0] = [str(sources), str(sources / "gguf-py")]
    import conversion.base
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"

    def convert(folder, out, kind):
        sys.argv = ["convert", str(folder), "--outfile", str(out), "--outtype", kind]
        runpy.run_path(str(sources / "convert_hf_to_gguf.py"), run_name="__main__")

    return convert


def golden(convert, name, work):
    folder = checkpoints.write(name, work)
    if name == "nomic-bert":
        # transformers' own class of that type takes other keys than the published checkpoints have; the converter falls back on the file.
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "model_type": "published_nomic_bert"}))
    result = {"tensors": {}}
    for kind in ("f32", "f16", "bf16", "q8_0"):
        out = pathlib.Path(work) / (kind + ".gguf")
        convert(folder, out, kind)
        values, tensors = gguf_contents.contents(out)
        if kind == "f16":
            result["metadata"] = {key: value for key, value in sorted(values.items()) if not key.startswith("tokenizer.")}
        for tensor, (number, shape, data) in sorted(tensors.items()):
            entry = result["tensors"].setdefault(tensor, {"shape": shape})
            entry[kind] = [number, gguf_contents.digest(data)]
    return result


def lines(result):
    """JSON, a line for each key and tensor."""
    parts = [f'"{part}": {{\n' + ",\n".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
                                         for key, value in result[part].items()) + "\n}" for part in ("metadata", "tensors")]
    return "{" + ",\n".join(parts) + "}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", required=True, type=pathlib.Path)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    convert = load_converter(arguments.llama_cpp.absolute())
    for name in arguments.cases or set(checkpoints.cases()) - {"stablelm-parallel"}:  # which the converter gives up on
        with tempfile.TemporaryDirectory() as work:
            result = golden(convert, name, work)
        (ROOT / "data" / "convert" / f"{name}.json").write_text(lines(result))
        print(name, len(result["tensors"]), flush=True)


if __name__ == "__main__":
    main()

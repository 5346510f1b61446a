"""Checkpoints that are damaged or lie: refused in one line that names the fault, with nothing under the output's name.

Environment: THIMBLE_BIN.
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import checkpoints

SPACE = 2 << 30  # of addresses
NAME = "llama"


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))


def thimble(*words, **options):
    return subprocess.run([os.environ["THIMBLE_BIN"], *map(str, words)], capture_output=True, text=True, timeout=30, preexec_fn=limit,
                          **options)


def left_behind(folder):
    """The output, or what it was called before it was whole."""
    return [path.name for path in folder.iterdir() if path.name.startswith((".thimble", "out.gguf", "back"))]


def header_of(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:8 + size]), raw[8 + size:]


def write(path, header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.sound = checkpoints.write("qwen3", cls.work.name)          # in one file
        cls.sharded = checkpoints.write(NAME, cls.work.name)           # in three
        cls.pooled = checkpoints.write("bert", cls.work.name)

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def refused(self, folder, *words, code=4, what=""):
        out = folder / "out.gguf"
        done = thimble("convert", folder, "--outfile", out)
        self.assertEqual(done.returncode, code, f"{what}: {done.stdout}{done.stderr}")
        self.assertEqual(done.stdout, "", what)
        self.assertEqual(done.stderr.count("\n"), 1, f"{what}: {done.stderr}")
        for word in words:
            self.assertIn(word, done.stderr, what)
        self.assertEqual(left_behind(folder), [], what)

    def copies(self, sound):
        """A folder like `sound` to be spoilt, as often as asked for."""
        while True:
            with tempfile.TemporaryDirectory() as work:
                folder = pathlib.Path(work) / "model"
                shutil.copytree(sound, folder)
                yield folder

    def test_safetensors_structure(self):
        copies = self.copies(self.sound)
        sound, data = header_of(self.sound / "model.safetensors")
        first, second = [name for name in sound if name != "__metadata__"][:2]
        size = sound[first]["data_offsets"][1]

        def changed(**entry):
            return {**sound, first: {**sound[first], **entry}}

        text = json.dumps(sound)
        twice = (text[:-1] + ", " + json.dumps({first: sound[first]})[1:]).encode()
        for words, header, rest in (
                (["data_offsets"], changed(data_offsets=[0, size + 2]), data),
                (["data_offsets"], changed(data_offsets=[size, 0]), data),
                (["data_offsets"], changed(data_offsets=[2**63, 2**63 + size]), data),
                (["data_offsets"], changed(data_offsets=[2**64 - 1, 1]), data),
                (["data_offsets"], changed(data_offsets=[-1, size]), data),
                (["data_offsets"], changed(data_offsets=[0.0, 1.5]), data),
                (["data_offsets"], changed(data_offsets=["0", "1"]), data),
                (["data_offsets"], changed(data_offsets=[0]), data),
                (["data_offsets"], changed(data_offsets=None), data),
                (["overlap"], {**sound, second: {**sound[second], "data_offsets": [n - 2 for n in sound[second]["data_offsets"]]}}, data),
                (["gap"], {name: entry for name, entry in sound.items() if name != first}, data),
                (["of which the header names"], sound, data + b"\0"),
                (["data_offsets"], sound, data[:-1]),
                (["shape"], changed(shape=[2**62, 4]), data),
                (["shape"], changed(shape=[-1]), data),
                (["shape"], changed(shape="x"), data),
                (["shape"], changed(shape=[1] * 9), data),
                (["dtype"], changed(dtype="F31"), data),
                (["dtype"], changed(dtype=7), data),
                (["shape"], changed(dtype="F32"), data),
                (["is no JSON object"], {**sound, first: []}, data),
                (["__metadata__"], {**sound, "__metadata__": []}, data),
                (["twice"], twice, data),
                (["no JSON object"], b"[" * 9 + b"]" * 9, data),
                (["model.safetensors"], b"[" * 100000, data),
                (["model.safetensors"], b"{" + b'"a":{' * 100000, data),
                (["model.safetensors"], b"{\xff\xfe}", data),
                (["model.safetensors"], b"  ", data)):
            folder = next(copies)
            write(folder / "model.safetensors", header, rest)
            self.refused(folder, *words, what=str(header)[:80])
        for length in (0, 1, 2**31, 2**63, 2**64 - 1, 10**8 + 1, len(text) + len(data) + 1):
            folder = next(copies)
            write(folder / "model.safetensors", sound, data, length)
            self.refused(folder, "model.safetensors", what=f"length {length}")

    def test_truncations(self):
        for folder, name in ((self.sound, "model.safetensors"), (self.sound, "config.json"), (self.sound, "tokenizer.json"),
                             (self.sharded, "model.safetensors.index.json"), (self.pooled, "modules.json")):
            whole = (folder / name).read_bytes()
            copies = self.copies(folder)
            for part in range(8):
                copy = next(copies)
                (copy / name).write_bytes(whole[:len(whole) * part // 8])
                self.refused(copy, str(copy), what=f"{name} {part}/8")

    def test_index(self):
        copies = self.copies(self.sharded)
        index = json.loads((self.sharded / "model.safetensors.index.json").read_text())
        tensor, shard = next(iter(index["weight_map"].items()))
        other = next(name for name in index["weight_map"].values() if name != shard)
        for words, weight_map in (
                (["not there"], {**index["weight_map"], tensor: "absent.safetensors"}),
                (["beside the index"], {**index["weight_map"], tensor: "../" + shard}),
                (["beside the index"], {**index["weight_map"], tensor: "/etc/passwd"}),
                (["beside the index"], {**index["weight_map"], tensor: ""}),
                (["beside the index"], {**index["weight_map"], tensor: 3}),
                (["beside the index"], {**index["weight_map"], tensor: "a\0b"}),
                ([tensor, "index has it"], {**index["weight_map"], tensor: other}),
                (["extra", "not in"], {**index["weight_map"], "extra": shard}),
                (["nowhere"], {name: where for name, where in index["weight_map"].items() if name != tensor}),
                (["weight_map"], []), (["weight_map"], None), (["weight_map"], {})):
            folder = next(copies)
            (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
            self.refused(folder, *words, what=str(weight_map)[:60])
        folder = next(copies)
        shutil.copy(folder / shard, folder / other)
        self.refused(folder, what="a shard in place of another")
        folder = next(copies)
        (folder / "model.safetensors.index.json").unlink()
        self.refused(folder, "model.safetensors")
        folder = next(copies)
        (folder / "model.safetensors.index.json").unlink()
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x02}q")
        self.refused(folder, "safetensors")

    def test_config(self):
        copies = self.copies(self.sound)
        config = json.loads((self.sound / "config.json").read_text())
        spoilt = [{key: value for key, value in config.items() if key != gone} for gone in
                  ("architectures", "num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads")]
        for key in ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim",
                    "vocab_size", "max_position_embeddings"):
            spoilt += [{**config, key: value} for value in ("64", -1, 0, 1.5, 2**31, 2**64, 10**400, [], {}, True, 7)
                       if (key, value) not in (("max_position_embeddings", 7), ("max_position_embeddings", True))]
        for key in ("rms_norm_eps", "rope_theta"):
            spoilt += [{**config, key: value} for value in ("x", [], {}, True, 10**400, -1, 0)]
        spoilt += [{**config, "architectures": value} for value in (None, [], "LlamaForCausalLM", [3], ["GPT2LMHeadModel"], {}, ["\x1b[2J"])]
        spoilt += [{**config, "rope_scaling": value} for value in
                   ({"rope_type": "unheard-of"}, {"rope_type": 3}, {"rope_type": "linear"}, {"rope_type": "linear", "factor": "x"},
                    {"rope_type": "linear", "factor": 0}, {"rope_type": "yarn", "factor": -4}, {"rope_type": "longrope"})]
        spoilt += [{**config, "hidden_act": "relu"}, {**config, "hidden_act": 3}, {**config, "quantization_config": {"bits": 4}},
                   {**config, "layer_types": ["sliding_attention"] * 3}, {**config, "layer_types": 3}, {**config, "layer_types": []},
                   {**config, "use_sliding_window": True}, {**config, "text_config": {"hidden_size": 7}}, [], "x", 3, None]
        for value in spoilt:
            folder = next(copies)
            text = json.dumps(value)
            (folder / "config.json").write_text(text.replace("1e+400", "1" + "0" * 400))
            self.refused(folder, str(folder), what=text[:300])
        for text in ("[" * 100000, '{"a":' * 100000, "{}", "", "\0", "{'a': 1}", '{"a": 1e999}', "[1,2", "\xff"):
            folder = next(copies)
            (folder / "config.json").write_text(text, encoding="latin-1")
            self.refused(folder, "config.json", what=text[:40])
        folder = next(copies)
        (folder / "config.json").unlink()
        self.refused(folder, "config.json")

    def test_tensors(self):
        copies = self.copies(self.sound)
        tensors = checkpoints.read_safetensors(self.sound / "model.safetensors")
        name = "model.layers.1.mlp.up_proj.weight"
        kind, shape, data = tensors[name]
        for words, changed in (
                ([name], {key: value for key, value in tensors.items() if key != name}),
                (["extra.weight"], {**tensors, "extra.weight": tensors[name]}),
                (["model.layers.9"], {**tensors, "model.layers.9.mlp.up_proj.weight": tensors[name]}),
                ([name, "shape"], {**tensors, name: (kind, [shape[1], shape[0]], data)}),
                ([name, "shape"], {**tensors, name: (kind, [shape[0] * shape[1]], data)}),
                ([name, "shape"], {**tensors, name: (kind, [0, shape[1]], b"")}),
                ([name, "I16"], {**tensors, name: ("I16", shape, data)}),
                (["twice"], {**tensors, name.removeprefix("model."): tensors[name]})):
            folder = next(copies)
            checkpoints.write_safetensors(folder / "model.safetensors", changed)
            self.refused(folder, *words, what=str(words))
        for bits in (0x7F80, 0xFF80, 0x7FC0):  # infinities, NaN
            for tensor in (name, "model.norm.weight", "model.embed_tokens.weight", "model.layers.0.self_attn.q_norm.weight"):
                kind, shape, data = tensors[tensor]
                spoilt = data[:6] + struct.pack("<H", bits) + data[8:]
                folder = next(copies)
                checkpoints.write_safetensors(folder / "model.safetensors", {**tensors, tensor: (kind, shape, spoilt)})
                self.refused(folder, tensor, "finite", what=f"{tensor} {bits:x}")
        kind, shape, data = tensors[name]
        large = data[:6] + struct.pack("<H", 0x4780) + data[8:]  # 65536, beyond F16
        folder = next(copies)
        checkpoints.write_safetensors(folder / "model.safetensors", {**tensors, name: (kind, shape, large)})
        self.refused(folder, "blk.1.ffn_up.weight", "--outtype bf16")
        done = thimble("convert", folder, "--outfile", folder / "out.gguf", "--outtype", "bf16")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_modules(self):
        copies = self.copies(self.pooled)
        for modules, pooling in (([{"path": "../x", "type": "a.Pooling"}], {}), ([{"path": 3, "type": "a.Pooling"}], {}),
                                 ([{"path": "absent", "type": "a.Pooling"}], {}), ({}, {}), ("x", {}),
                                 ([{"path": "1_Pooling", "type": "Pooling"}], {"pooling_mode_max_tokens": True}),
                                 ([{"path": "1_Pooling", "type": "Pooling"}], []),
                                 ([{"path": "1_Pooling", "type": "Dense"}], {"in_features": -1, "out_features": 4}),
                                 ([{"path": "1_Pooling", "type": "Dense"}], {"in_features": 64, "out_features": 64})):
            folder = next(copies)
            (folder / "modules.json").write_text(json.dumps(modules))
            (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
            self.refused(folder, str(folder), what=f"{modules} {pooling}")

    def test_no_space(self):
        """A limit on file sizes stands for a full disk."""
        copies = self.copies(self.sound)
        folder = next(copies)

        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        for words in (("convert", folder, "--outfile", folder / "out.gguf"),):
            done = subprocess.run([os.environ["THIMBLE_BIN"], *map(str, words)], capture_output=True, text=True, preexec_fn=small)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertEqual(left_behind(folder), [])
        done = thimble("convert", folder, "--outfile", folder / "whole.gguf")
        self.assertEqual(done.returncode, 0)
        done = subprocess.run([os.environ["THIMBLE_BIN"], "export", folder / "whole.gguf", folder / "back"], capture_output=True,
                              text=True, preexec_fn=small)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertEqual(left_behind(folder), [])

    def test_export_where_something_is(self):
        copies = self.copies(self.sound)
        folder = next(copies)
        self.assertEqual(thimble("convert", folder, "--outfile", folder / "m.gguf").returncode, 0)
        before = sorted(path.name for path in folder.iterdir())
        done = thimble("export", folder / "m.gguf", folder)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertEqual(sorted(path.name for path in folder.iterdir()), before)

    def test_input_is_output(self):
        copies = self.copies(self.sound)
        folder = next(copies)
        self.assertEqual(thimble("convert", folder, "--outfile", folder / "m.gguf").returncode, 0)
        before = (folder / "m.gguf").read_bytes()
        done = thimble("convert", folder / "m.gguf", "--outfile", folder / "m.gguf")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertEqual((folder / "m.gguf").read_bytes(), before)
        before = (folder / "model.safetensors").read_bytes()
        done = thimble("convert", folder, "--outfile", folder / "model.safetensors")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertEqual((folder / "model.safetensors").read_bytes(), before)

    def test_interrupted(self):
        """Ctrl-C in the middle: exit code 130, no file."""
        with tempfile.TemporaryDirectory() as work:
            folder = pathlib.Path(work) / "model"
            shutil.copytree(self.sound, folder)
            path = folder / "model.safetensors"
            tensors = checkpoints.read_safetensors(path)
            rows = 400_000
            path.unlink()
            wide = {"model.embed_tokens.weight": ("F32", (rows, checkpoints.WIDTH), bytes(rows * checkpoints.WIDTH * 4))}
            checkpoints.write_safetensors(path, {**tensors, **wide})
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**config, "vocab_size": rows}))
            process = subprocess.Popen([os.environ["THIMBLE_BIN"], "convert", folder, "--outfile", folder / "out.gguf"],
                                       stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            while process.poll() is None and not any(path.stat().st_size for path in folder.glob(".thimble*")):
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            output, error = process.communicate(timeout=60)
            self.assertEqual((process.returncode, output), (130, ""), error)
            self.assertEqual(left_behind(folder), [])


if __name__ == "__main__":
    unittest.main()

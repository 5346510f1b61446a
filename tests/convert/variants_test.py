"""What llama.cpp's converter leaves out or gives up on: held against the rule that docs/converting.md names.

Environment: THIMBLE_BIN.
"""
import json
import math
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

import checkpoints
import gguf_contents

F32, BOOL, UINT32, UINT8 = 6, 7, 4, 0


def converted(folder, kind="f32"):
    out = folder / "out.gguf"
    done = subprocess.run([os.environ["THIMBLE_BIN"], "convert", folder, "--outfile", out, "--outtype", kind], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return gguf_contents.contents(out)


class Variants(unittest.TestCase):
    def changed(self, name, **config):
        """The case's folder with other values in config.json."""
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        folder = checkpoints.write(name, work.name)
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
        return folder

    def test_norms_of_single_heads_are_stacked(self):
        folder = self.changed("stablelm-parallel")
        stored = checkpoints.read_safetensors(folder / "model.safetensors")
        _, tensors = converted(folder)
        for part, heads in (("q", checkpoints.HEADS), ("k", checkpoints.KV_HEADS)):
            kind, shape, data = tensors[f"blk.1.attn_{part}_norm.weight"]
            rows = [stored[f"model.layers.1.self_attn.{part}_layernorm.norms.{i}.weight"][2] for i in range(heads)]
            expected = struct.unpack(f"<{shape[0] * shape[1]}e", b"".join(rows))
            self.assertEqual((kind, shape), (0, [checkpoints.WIDTH // checkpoints.HEADS, heads]))
            self.assertEqual(struct.unpack(f"<{len(expected)}f", data), expected)

    def test_layers_of_another_pattern_are_named(self):
        values, _ = converted(self.changed("gemma3", layer_types=["full_attention", "sliding_attention", "sliding_attention"]))
        self.assertEqual(values["gemma3.attention.sliding_window_pattern"][1], [0, 1, 1])

    def test_scale_of_the_scores(self):
        values, _ = converted(self.changed("gemma2", query_pre_attn_scalar=144))
        self.assertEqual(values["gemma2.attention.scale"], [F32, struct.unpack("<f", struct.pack("<f", 1 / 12))[0]])

    def test_caps_that_are_off(self):
        values, _ = converted(self.changed("gemma2", attn_logit_softcapping=None, final_logit_softcapping=None))
        self.assertEqual(values["gemma2.attn_logit_softcapping"], [F32, 0.0])
        self.assertEqual(values["gemma2.final_logit_softcapping"], [F32, 0.0])

    def test_magnitude_of_yarn(self):
        rope = {"rope_type": "yarn", "factor": 4.0, "attention_factor": 1.5}
        values, _ = converted(self.changed("llama-yarn", rope_scaling=rope))
        self.assertAlmostEqual(values["llama.rope.scaling.attn_factor"][1], 1.5 / (1 + 0.1 * math.log(4)), delta=1e-6)
        self.assertEqual(values["llama.rope.scaling.original_context_length"], [UINT32, checkpoints.CONTEXT])

    def test_dense_layers(self):
        folder = self.changed("gemma-embedding")
        modules = json.loads((folder / "modules.json").read_text())
        width, inner = checkpoints.WIDTH, 160
        for number, rows, columns in ((2, inner, width), (3, width, inner)):
            name = f"{number}_Dense"
            modules.append({"idx": number, "path": name, "type": "sentence_transformers.models.Dense"})
            (folder / name).mkdir()
            (folder / name / "config.json").write_text(json.dumps(
                {"in_features": columns, "out_features": rows, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}))
            data = checkpoints.values(name, rows * columns, "F32")
            checkpoints.write_safetensors(folder / name / "model.safetensors", {"linear.weight": ("F32", (rows, columns), data)})
        (folder / "modules.json").write_text(json.dumps(modules))
        values, tensors = converted(folder)
        self.assertEqual(values["gemma-embedding.dense_2_feat_out"], [UINT32, inner])
        self.assertEqual(values["gemma-embedding.dense_3_feat_in"], [UINT32, inner])
        self.assertEqual(tensors["dense_2.weight"], [0, [width, inner], checkpoints.values("2_Dense", inner * width, "F32")])
        self.assertEqual(tensors["dense_3.weight"], [0, [inner, width], checkpoints.values("3_Dense", inner * width, "F32")])
        back = folder / "back"
        done = subprocess.run([os.environ["THIMBLE_BIN"], "export", folder / "out.gguf", back], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for name in ("2_Dense", "3_Dense"):
            self.assertEqual(checkpoints.read_safetensors(back / name / "model.safetensors"),
                             checkpoints.read_safetensors(folder / name / "model.safetensors"))
        kinds = [module["type"].split(".")[-1] for module in json.loads((back / "modules.json").read_text())]
        self.assertEqual(kinds, ["Transformer", "Pooling", "Dense", "Dense", "Normalize"])

    def test_what_info_says(self):
        folder = self.changed("bert")
        done = subprocess.run([os.environ["THIMBLE_BIN"], "info", folder / "model.safetensors", "--json", "--tensors"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said, stored = json.loads(done.stdout), checkpoints.read_safetensors(folder / "model.safetensors")
        self.assertEqual({row["name"]: [row["type"], row["shape"], row["bytes"]] for row in said["tensors"]},
                         {name: [kind, shape, len(data)] for name, (kind, shape, data) in stored.items()})
        self.assertEqual((said["format"], said["tensor_count"]), ("safetensors", len(stored)))

    def test_double_precision_and_old_names(self):
        """F64 is rounded; LayerNorm's weights were once called gamma and beta."""
        folder = self.changed("bert")
        path = folder / "model.safetensors"
        stored = checkpoints.read_safetensors(path)
        _, shape, data = stored.pop("embeddings.LayerNorm.weight")
        floats = struct.unpack(f"<{shape[0]}f", data)
        stored["embeddings.LayerNorm.gamma"] = ("F64", shape, struct.pack(f"<{shape[0]}d", *floats))
        stored["embeddings.LayerNorm.beta"] = stored.pop("embeddings.LayerNorm.bias")
        checkpoints.write_safetensors(path, stored)
        _, tensors = converted(folder)
        self.assertEqual(tensors["token_embd_norm.weight"][2], data)
        self.assertEqual(tensors["token_embd_norm.bias"][2], stored["embeddings.LayerNorm.beta"][2])


if __name__ == "__main__":
    unittest.main()

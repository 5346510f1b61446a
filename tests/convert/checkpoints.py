"""Tiny Hugging Face checkpoints of every family, written with Python's own library alone: the same bytes every time.

What is in them goes beyond real ones: head sizes apart from width / heads, grouped heads, biases, every number format, shards.
tests/oracle/convert_golden.py has llama.cpp convert the same folders.
"""
import array
import hashlib
import json
import pathlib
import struct

BLOCKS, WIDTH, FFN, HEADS, KV_HEADS, HEAD, CONTEXT, VOCABULARY = 3, 64, 96, 4, 2, 32, 512, 320
SIZES = {"F32": 4, "F16": 2, "BF16": 2}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def values(name, count, kind):
    """`count` numbers of the format by the tensor's name: signs, eight binades and all bits of the mantissa vary."""
    raw = hashlib.shake_128(name.encode()).digest(count * 4)
    numbers = array.array("I", raw)
    if kind == "F32":
        bits = array.array("I", ((n & 0x807FFFFF) | (118 + (n >> 24) % 8) << 23 for n in numbers))
    elif kind == "BF16":
        bits = array.array("H", ((n >> 16 & 0x807F) | (118 + (n & 0xFF) % 8) << 7 for n in numbers))
    else:
        bits = array.array("H", ((n >> 16 & 0x83FF) | (6 + (n & 0xFF) % 8) << 10 for n in numbers))
    return bits.tobytes()


def write_safetensors(path, tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)."""
    header, offset = {"__metadata__": metadata or {"format": "pt"}}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    return {name: (entry["dtype"], entry["shape"], raw[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
            for name, entry in header.items() if name != "__metadata__"}


class Weights:
    def __init__(self, kind, prefix="model."):
        self.kind, self.prefix, self.tensors = kind, prefix, {}

    def add(self, name, *shape, kind=None):
        count = 1
        for n in shape:
            count *= n
        kind = kind or self.kind
        self.tensors[self.prefix + name] = (kind, shape, values(name, count, kind))

    def linear(self, name, rows, columns, bias=False):
        self.add(name + ".weight", rows, columns)
        if bias:
            self.add(name + ".bias", rows)

    def norm(self, name, bias=False, size=WIDTH):
        self.add(name + ".weight", size)
        if bias:
            self.add(name + ".bias", size)


def decoder(kind="BF16", *, head=HEAD, qkv_bias=False, o_bias=False, mlp_bias=False, tied=False, qk_norm=False, sandwich=False,
            norm_bias=False, prefix="model."):
    w = Weights(kind, prefix)
    w.add("embed_tokens.weight", VOCABULARY, WIDTH)
    for i in range(BLOCKS):
        h = f"layers.{i}."
        w.linear(h + "self_attn.q_proj", HEADS * head, WIDTH, qkv_bias)
        w.linear(h + "self_attn.k_proj", KV_HEADS * head, WIDTH, qkv_bias)
        w.linear(h + "self_attn.v_proj", KV_HEADS * head, WIDTH, qkv_bias)
        w.linear(h + "self_attn.o_proj", WIDTH, HEADS * head, o_bias)
        for name, rows, columns in (("gate_proj", FFN, WIDTH), ("up_proj", FFN, WIDTH), ("down_proj", WIDTH, FFN)):
            w.linear(h + "mlp." + name, rows, columns, mlp_bias)
        w.norm(h + "input_layernorm", norm_bias)
        w.norm(h + "post_attention_layernorm", norm_bias)
        if sandwich:
            w.norm(h + "pre_feedforward_layernorm")
            w.norm(h + "post_feedforward_layernorm")
        if qk_norm:
            w.norm(h + "self_attn.q_norm", size=head)
            w.norm(h + "self_attn.k_norm", size=head)
    w.norm("norm", norm_bias)
    if not tied:
        w.prefix = ""
        w.add("lm_head.weight", VOCABULARY, WIDTH)
    return w.tensors


def phi2():
    w = Weights("F16")
    w.add("embed_tokens.weight", VOCABULARY, WIDTH)
    for i in range(BLOCKS):
        h = f"layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "dense"):
            w.linear(h + "self_attn." + name, WIDTH, WIDTH, True)
        w.linear(h + "mlp.fc1", 4 * WIDTH, WIDTH, True)
        w.linear(h + "mlp.fc2", WIDTH, 4 * WIDTH, True)
        w.norm(h + "input_layernorm", True)
    w.norm("final_layernorm", True)
    w.prefix = ""
    w.linear("lm_head", VOCABULARY, WIDTH, True)
    return w.tensors


def phi3():
    w = Weights("BF16")
    head = WIDTH // HEADS
    w.add("embed_tokens.weight", VOCABULARY, WIDTH)
    for i in range(BLOCKS):
        h = f"layers.{i}."
        w.linear(h + "self_attn.qkv_proj", (HEADS + 2 * KV_HEADS) * head, WIDTH)
        w.linear(h + "self_attn.o_proj", WIDTH, WIDTH)
        w.linear(h + "mlp.gate_up_proj", 2 * FFN, WIDTH)
        w.linear(h + "mlp.down_proj", WIDTH, FFN)
        w.norm(h + "input_layernorm")
        w.norm(h + "post_attention_layernorm")
    w.norm("norm")
    w.prefix = ""
    w.add("lm_head.weight", VOCABULARY, WIDTH)
    return w.tensors


def stablelm(parallel):
    tensors = decoder("F16", head=WIDTH // HEADS, qkv_bias=parallel, norm_bias=True)
    if parallel:
        tensors = {name: t for name, t in tensors.items() if "post_attention" not in name}
        w = Weights("F16")
        for i in range(BLOCKS):
            for kind, heads in (("q", HEADS), ("k", KV_HEADS)):
                for n in range(heads):
                    w.norm(f"layers.{i}.self_attn.{kind}_layernorm.norms.{n}", size=WIDTH // HEADS)
        tensors.update(w.tensors)
    return tensors


def bert(kind="F32", prefix="", positions=CONTEXT):
    w = Weights(kind, prefix)
    w.add("embeddings.word_embeddings.weight", VOCABULARY, WIDTH)
    w.add("embeddings.position_embeddings.weight", positions, WIDTH)
    w.add("embeddings.token_type_embeddings.weight", 2, WIDTH)
    w.norm("embeddings.LayerNorm", True)
    for i in range(BLOCKS):
        h = f"encoder.layer.{i}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            w.linear(h + name, WIDTH, WIDTH, True)
        w.norm(h + "attention.output.LayerNorm", True)
        w.linear(h + "intermediate.dense", FFN, WIDTH, True)
        w.linear(h + "output.dense", WIDTH, FFN, True)
        w.norm(h + "output.LayerNorm", True)
    w.linear("pooler.dense", WIDTH, WIDTH, True)
    w.tensors[prefix + "embeddings.position_ids"] = ("I64", (1, CONTEXT), struct.pack(f"<{CONTEXT}q", *range(CONTEXT)))
    return w.tensors


def vision():
    w = Weights("BF16", "")
    w.add("vision_tower.vision_model.embeddings.position_embedding.weight", 4, WIDTH)
    w.add("multi_modal_projector.mm_input_projection_weight", WIDTH, WIDTH)
    return w.tensors


def nomic_bert():
    w = Weights("F32", "")
    w.add("embeddings.word_embeddings.weight", VOCABULARY, WIDTH)
    w.add("embeddings.token_type_embeddings.weight", 2, WIDTH)
    w.norm("emb_ln", True)
    for i in range(BLOCKS):
        h = f"encoder.layers.{i}."
        w.linear(h + "attn.Wqkv", 3 * WIDTH, WIDTH)
        w.linear(h + "attn.out_proj", WIDTH, WIDTH)
        for name, rows, columns in (("fc11", FFN, WIDTH), ("fc12", FFN, WIDTH), ("fc2", WIDTH, FFN)):
            w.linear(h + "mlp." + name, rows, columns)
        w.norm(h + "norm1", True)
        w.norm(h + "norm2", True)
    return w.tensors


COMMON = {"num_hidden_layers": BLOCKS, "hidden_size": WIDTH, "intermediate_size": FFN, "num_attention_heads": HEADS,
          "num_key_value_heads": KV_HEADS, "max_position_embeddings": CONTEXT, "vocab_size": VOCABULARY}
DECODER = {**COMMON, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False}
GEMMA = {**COMMON, "rms_norm_eps": 1e-6, "head_dim": HEAD, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
FACTORS = {kind + "_factor": [1 + 0.125 * i * scale for i in range(WIDTH // HEADS // 2)] for kind, scale in (("long", 3), ("short", 1))}


def cases():
    """name -> (model class, model type, config, tensors, kind of tokenizer)."""
    llama = {**DECODER, "head_dim": HEAD, "rope_theta": 10000.0}
    small = {**DECODER, "rope_theta": 10000.0}
    window = {**GEMMA, "query_pre_attn_scalar": HEAD, "sliding_window": 16}
    encoder = {**COMMON, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2}
    del encoder["num_key_value_heads"]
    nomic = {"n_layer": BLOCKS, "n_embd": WIDTH, "n_inner": FFN, "n_head": HEADS, "n_positions": 8192, "max_trained_positions": 2048,
             "vocab_size": VOCABULARY, "type_vocab_size": 2, "layer_norm_epsilon": 1e-12, "rotary_emb_base": 1000,
             "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "causal": False,
             "activation_function": "swiglu", "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "prenorm": False}
    small_head = WIDTH // HEADS
    return {
        "llama": ("LlamaForCausalLM", "llama", llama, decoder(), "bpe"),
        "llama-biases": ("LlamaForCausalLM", "llama", {**llama, "attention_bias": True, "mlp_bias": True},
                         decoder("F16", qkv_bias=True, o_bias=True, mlp_bias=True), "spm"),
        "llama-linear": ("LlamaForCausalLM", "llama", {**small, "rope_scaling": {"type": "linear", "factor": 4.0}},
                         decoder("F32", head=small_head), "bpe"),
        "llama-yarn": ("LlamaForCausalLM", "llama", {**llama, "tie_word_embeddings": True, "rope_scaling": {
            "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "beta_fast": 32.0, "beta_slow": 1.0}},
            decoder(tied=True), "bpe"),
        "llama-3": ("LlamaForCausalLM", "llama", {**llama, "rope_theta": 500000.0, "tie_word_embeddings": True, "rope_scaling": LLAMA3},
                    decoder(tied=True), "bpe"),
        "mistral": ("MistralForCausalLM", "mistral", {**llama, "sliding_window": None}, decoder(), "spm"),
        "qwen2": ("Qwen2ForCausalLM", "qwen2", {**small, "rope_theta": 1000000.0, "use_sliding_window": False, "sliding_window": 256,
                                                "max_window_layers": 21}, decoder(head=small_head, qkv_bias=True), "bpe"),
        "qwen3": ("Qwen3ForCausalLM", "qwen3", {**llama, "tie_word_embeddings": True}, decoder(qk_norm=True, tied=True), "bpe"),
        "qwen3-embedding": ("Qwen3Model", "qwen3", {**llama, "tie_word_embeddings": True},
                            decoder(qk_norm=True, tied=True, prefix=""), "bpe"),
        "gemma": ("GemmaForCausalLM", "gemma", {**GEMMA, "rope_theta": 10000.0}, decoder(tied=True), "spm"),
        "gemma2": ("Gemma2ForCausalLM", "gemma2", {**window, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
                   decoder("F32", tied=True, sandwich=True), "spm"),
        "gemma3": ("Gemma3ForCausalLM", "gemma3_text", {**window, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
                                                        "sliding_window_pattern": 6},
                   decoder(tied=True, sandwich=True, qk_norm=True), "spm"),
        "gemma3-vision": ("Gemma3ForConditionalGeneration", "gemma3", {
            "text_config": {**window, "model_type": "gemma3_text", "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
                            "sliding_window_pattern": 6}, "vision_config": {"num_hidden_layers": 1}},
            {**decoder(tied=True, sandwich=True, qk_norm=True, prefix="language_model.model."), **vision()}, "spm"),
        "gemma-embedding": ("Gemma3TextModel", "gemma3_text", {**window, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
                                                               "use_bidirectional_attention": True},
                            decoder("F32", tied=True, sandwich=True, qk_norm=True, prefix=""), "spm"),
        "smollm3": ("SmolLM3ForCausalLM", "smollm3", {**small, "rope_theta": 5000000.0, "no_rope_layers": [1, 1, 1],
                                                      "no_rope_layer_interval": 4, "tie_word_embeddings": True},
                    decoder(head=small_head, tied=True), "bpe"),
        "ernie4_5": ("Ernie4_5ForCausalLM", "ernie4_5", {**llama, "rope_theta": 500000.0, "use_bias": False}, decoder(), "spm"),
        "granite": ("GraniteForCausalLM", "granite", {**small, "attention_multiplier": 0.0625, "embedding_multiplier": 12.0,
                                                      "residual_multiplier": 0.22, "logits_scaling": 8.0},
                    decoder(head=small_head), "bpe"),
        "phi2": ("PhiForCausalLM", "phi", {**{k: v for k, v in COMMON.items() if k != "num_key_value_heads"}, "intermediate_size": 4 * WIDTH,
                                           "layer_norm_eps": 1e-5, "hidden_act": "gelu_new", "rope_theta": 10000.0,
                                           "partial_rotary_factor": 0.5, "tie_word_embeddings": False}, phi2(), "bpe"),
        "phi3": ("Phi3ForCausalLM", "phi3", {**small, "sliding_window": 16, "original_max_position_embeddings": CONTEXT,
                                             "rope_scaling": None}, phi3(), "spm"),
        "phi3-long": ("Phi3ForCausalLM", "phi3", {**small, "sliding_window": None, "original_max_position_embeddings": 64,
                                                  "rope_scaling": {"type": "longrope", **FACTORS}}, phi3(), "spm"),
        "stablelm": ("StableLmForCausalLM", "stablelm", {**COMMON, "layer_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000,
                                                         "partial_rotary_factor": 0.25, "use_qkv_bias": False,
                                                         "tie_word_embeddings": False}, stablelm(False), "bpe"),
        "stablelm-parallel": ("StableLmForCausalLM", "stablelm", {
            **COMMON, "layer_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000, "partial_rotary_factor": 0.25, "use_qkv_bias": True,
            "qk_layernorm": True, "use_parallel_residual": True, "tie_word_embeddings": False}, stablelm(True), "bpe"),
        "bert": ("BertModel", "bert", encoder, bert(), "wordpiece"),
        "bert-masked": ("BertForMaskedLM", "bert", encoder, bert("F16", "bert."), "wordpiece"),
        "roberta": ("RobertaModel", "roberta", {**encoder, "pad_token_id": 1, "max_position_embeddings": CONTEXT + 2},
                    bert("F16", positions=CONTEXT + 2), "bpe"),
        "nomic-bert": ("NomicBertModel", "nomic_bert", nomic, nomic_bert(), "wordpiece"),
    }


SHARDED = {"llama": 3, "qwen2": 2}
POOLED = {"bert": "pooling_mode_mean_tokens", "nomic-bert": "pooling_mode_mean_tokens", "gemma-embedding": "pooling_mode_mean_tokens",
          "qwen3-embedding": "pooling_mode_lasttoken", "bert-masked": "pooling_mode_cls_token"}
SAMPLED = {"qwen2": {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.1}}
CARDS = {"qwen3": "---\nlicense: apache-2.0\nlicense_link: \"https://example.org/licence\"\nlanguage:\n- en\n- 'no'\ntags: [chat, tiny]\n"
                  "pipeline_tag: text-generation\nbase_model: Owner/Base-Model-1.7B-v2\ndatasets:\n- owner/texts\n- name\n"
                  "model-index:\n- name: x\n  results:\n  - task: y\n---\n# A model\n"}
# What general.* keys are made of: every case has a name of its own kind.
FOLDERS = {"llama": "Tiny-Llama-0.1M-Instruct-v0.2", "qwen2": "tiny-qwen2-128k", "gemma": "gemma-tiny", "phi2": "phi-2", "bert": "all-Mini-L6-v2"}


def byte_level():
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in shown]
    alphabet = {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(rest)}}
    return [alphabet[b] for b in sorted(alphabet)]


def write_bpe(folder):
    tokens = byte_level()
    merges = [("t", "h"), ("th", "e"), ("i", "n"), ("Ġ", "a"), ("e", "r")]
    tokens += ["".join(pair) for pair in merges]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    added = [{"id": len(tokens) + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, text in enumerate(SPECIAL)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    definition = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
                  "pre_tokenizer": level, "post_processor": None, "decoder": level,
                  "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
                            "merges": [" ".join(pair) for pair in merges]}}
    (folder / "tokenizer.json").write_text(json.dumps(definition), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "GPT2Tokenizer", "bos_token": SPECIAL[0], "eos_token": SPECIAL[2]}))


def write_wordpiece(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(c) for c in range(33, 127)] + ["##" + chr(c) for c in range(97, 123)]
    words += [f"word{i}" for i in range(VOCABULARY - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    added = [{"id": i, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i in range(5)]
    definition = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
                  "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                                 "lowercase": True},
                  "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None,
                  "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
                  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                            "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(words)}}}
    (folder / "tokenizer.json").write_text(json.dumps(definition), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
         "cls_token": "[CLS]", "mask_token": "[MASK]"}))


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, data):
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    if isinstance(data, float):
        return varint(number << 3 | 5) + struct.pack("<f", data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def write_spm(folder):
    """tokenizer.model: sentencepiece_model.proto, ModelProto (pieces, trainer and normalizer specification)."""
    normal, unknown, control, byte = 1, 2, 3, 6
    pieces = [("<unk>", 0.0, unknown), ("<s>", 0.0, control), ("</s>", 0.0, control)]
    pieces += [(f"<0x{b:02X}>", 0.0, byte) for b in range(256)]
    pieces += [(text, -float(i), normal) for i, text in enumerate(["▁a", "th", "in", "er", "▁", *"abcdefghijklmnopqrstuvwxyz"])]
    model = b"".join(field(1, field(1, text.encode()) + field(2, score) + field(3, kind)) for text, score, kind in pieces)
    trainer = field(3, 2) + field(4, len(pieces)) + field(35, 1)  # BPE, size, byte fallback
    normalizer = field(1, b"identity") + field(3, 1) + field(4, 0) + field(5, 1)
    (folder / "tokenizer.model").write_bytes(model + field(2, trainer) + field(3, normalizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}))


WRITERS = {"bpe": write_bpe, "spm": write_spm, "wordpiece": write_wordpiece}


def write_shards(folder, tensors, count):
    names, weight_map = list(tensors), {}
    for i in range(count):
        shard = f"model-{i + 1:05}-of-{count:05}.safetensors"
        part = names[i::count]
        write_safetensors(folder / shard, {name: tensors[name] for name in part})
        weight_map.update({name: shard for name in part})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def write(name, where):
    """Writes the case's folder inside `where` and returns it."""
    model_class, model_type, config, tensors, tokenizer = cases()[name]
    folder = pathlib.Path(where) / FOLDERS.get(name, name)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [model_class], "model_type": model_type, **config}, indent=1))
    WRITERS[tokenizer](folder)
    if name in SHARDED:
        write_shards(folder, tensors, SHARDED[name])
    else:
        write_safetensors(folder / "model.safetensors", tensors)
    if name in POOLED:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({POOLED[name]: True}))
        (folder / "modules.json").write_text(json.dumps([{"idx": 1, "path": "1_Pooling",
                                                          "type": "sentence_transformers.models.Pooling"}]))
    if name in SAMPLED:
        (folder / "generation_config.json").write_text(json.dumps(SAMPLED[name]))
    if name in CARDS:
        (folder / "README.md").write_text(CARDS[name])
    return folder

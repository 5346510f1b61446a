#!/usr/bin/env python3
"""Makes tests/data/checkpoints/NAME/: a small tokenizer in the form in which a family's checkpoints ship theirs, and golden.json.

    PYTHONPATH=SOURCES:SOURCES/gguf-py checkpoint_vocabularies.py [NAME...]

golden.json has the tokenizer.* keys that llama.cpp's converter (SOURCES/convert_hf_to_gguf.py, its folder conversion/) writes for the
folder, arrays as a count and a 64-bit FNV-1a hash; the keys where Thimble differs, with what it writes and why; and digests of the ids
that `tokenizers` or SentencePiece make of 2,000 random strings, as tokenizer_golden.py groups them. The converter knows pre-tokenizers by a
hash of what a real vocabulary makes of a text, which these small ones cannot have: it is told the name that it has for the family.

Needs: pip install torch transformers tokenizers==0.23.3 sentencepiece protobuf, and llama.cpp's SOURCES
"""
import argparse
import json
import pathlib
import shutil
import struct
import tempfile

import conversion
import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_golden import grouped, random_string
from trained_vocabularies import write_rules

DATA = pathlib.Path(__file__).resolve().parent.parent / "data/checkpoints"
STRINGS = 2000
SPACE = "\u2581"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEMPLATE = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"


def training_texts():
    for i in range(400):
        yield f"The pump {i} opens at {i * 7 % 90} bar; don't stop the motor {i * 3 % 50}. Überprüfen, 検査する, проверить."
    yield from (random_string(index) for index in range(20_000, 20_400))


def special(*texts):
    return [AddedToken(text, special=True, normalized=False) for text in texts]


def plain(*texts):
    return [AddedToken(text, special=False, normalized=False) for text in texts]


def as_config(token):
    return {"content": token.content, "lstrip": token.lstrip, "normalized": token.normalized, "rstrip": token.rstrip,
            "single_word": token.single_word, "special": token.special}


def decoder_of(tokenizer):
    return {str(id): as_config(token) for id, token in sorted(tokenizer.get_added_tokens_decoder().items())}


def byte_level(split, added, vocab_size=400, normalizer=None, digits=False, ignore_merges=False, begin=None, in_vocabulary=()):
    """A tokenizer of GPT-2's kind. `split`: the pattern, or None for that of ByteLevel."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    parts = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    if split:
        parts.append(pre_tokenizers.Split(Regex(split), "isolated"))
    byte_part = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not split)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*parts, byte_part]) if parts else byte_part
    tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, special_tokens=list(in_vocabulary),
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(training_texts(), trainer)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(added)
    byte_post = processors.ByteLevel(trim_offsets=False)
    if begin:
        template = processors.TemplateProcessing(single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1",
                                                 special_tokens=[(begin, tokenizer.token_to_id(begin))])
        byte_post = processors.Sequence([byte_post, template])
    tokenizer.post_processor = byte_post
    return tokenizer


def without_pairs(tokenizer):
    """tokenizer.json with merges as "left right", as libraries of before 2024 wrote them."""
    tree = json.loads(tokenizer.to_str())
    tree["model"]["merges"] = [" ".join(merge) for merge in tree["model"]["merges"]]
    return tree


def train_pieces(folder, **options):
    texts = ["".join(c for c in " ".join(text.split()) if ord(c) < 0x250) for text in training_texts()]
    arguments = dict(model_type="bpe", vocab_size=700, character_coverage=0.98, byte_fallback=True, normalization_rule_name="identity",
                     remove_extra_whitespaces=False, hard_vocab_limit=False, minloglevel=2, num_threads=1, allow_whitespace_only_pieces=True)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_prefix=str(folder / "tokenizer"), **{**arguments, **options})
    (folder / "tokenizer.vocab").unlink()
    return sentencepiece_model_pb2.ModelProto.FromString((folder / "tokenizer.model").read_bytes())


def bpe_of_pieces(proto, added, space="prepend", begin="<s>"):
    """The tokenizer.json that `transformers` makes of a SentencePiece model: a merge for each way to make a token of two."""
    scores = {piece.piece: piece.score for piece in proto.pieces}
    ids = {piece.piece: id for id, piece in enumerate(proto.pieces)}
    pairs = [(piece[:i], piece[i:]) for piece in scores for i in range(1, len(piece)) if piece[:i] in ids and piece[i:] in ids]
    pairs.sort(key=lambda pair: (-scores["".join(pair)], ids[pair[0]], ids[pair[1]]))
    tokenizer = Tokenizer(models.BPE(ids, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if space == "prepend":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    elif space == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Replace(" ", SPACE)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens(added)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1",
                                                             special_tokens=[(begin, tokenizer.token_to_id(begin))])
    return tokenizer


def word_piece(lowercase, vocab_size=500):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(training_texts(), trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=special(*names), limit_alphabet=150, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")])
    return tokenizer


class Folder:
    """A checkpoint being made. `ids`: what text is compared with; tokens in text count where `parse`."""

    def __init__(self, path, architecture, hf_class, vocabulary_size, pre, **config):
        self.path, self.architecture, self.hf_class, self.pre = path, architecture, hf_class, pre
        self.config = {"architectures": [hf_class], "vocab_size": vocabulary_size, **config}
        self.differences, self.encode, self.parse, self.add_special = {}, None, True, True
        self.strip, self.kept = False, None  # of the texts: whether spaces at their beginning go, and code points that stay

    def write(self, name, value):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        (self.path / name).parent.mkdir(exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")

    def write_tokenizer(self, tokenizer, tree=None):
        tree = tree or json.loads(tokenizer.to_str())
        self.write("tokenizer.json", tree)
        if (tree.get("normalizer") or {}).get("type") == "NFC":
            tree["normalizer"] = None  # GGUF has no key for it
        reference = Tokenizer.from_str(json.dumps(tree))
        def encode(text):
            reference.encode_special_tokens = not self.parse
            return reference.encode(text).ids
        self.encode = encode

    def encode_pieces(self):
        processor = sentencepiece.SentencePieceProcessor(model_file=str(self.path / "tokenizer.model"))
        self.encode, self.parse, self.add_special = processor.encode, False, False


def llama3(path):
    names = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>")
    tokenizer = byte_level(LLAMA3, special(*names), ignore_merges=True, begin=names[0])
    id = tokenizer.token_to_id
    out = Folder(path, "llama", "LlamaForCausalLM", tokenizer.get_vocab_size() + 3, "llama-bpe", bos_token_id=id(names[0]),
                 eos_token_id=[id("<|end_of_text|>"), id("<|eom_id|>"), id("<|eot_id|>")])
    out.write_tokenizer(tokenizer, without_pairs(tokenizer))
    out.write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": names[0], "eos_token": "<|eot_id|>", "chat_template": TEMPLATE,
        "added_tokens_decoder": decoder_of(tokenizer), "clean_up_tokenization_spaces": True, "model_max_length": 131072})
    out.write("generation_config.json", {"bos_token_id": id(names[0]), "eos_token_id": out.config["eos_token_id"]})
    return out


def qwen2(path):
    added = special("<|endoftext|>", "<|im_start|>", "<|im_end|>") + plain("<|fim_prefix|>", "<tool_call>", "</tool_call>")
    tokenizer = byte_level(QWEN2, added, normalizer=normalizers.NFC())
    out = Folder(path, "qwen2", "Qwen2ForCausalLM", tokenizer.get_vocab_size() + 50, "qwen2",
                 bos_token_id=tokenizer.token_to_id("<|endoftext|>"), eos_token_id=tokenizer.token_to_id("<|im_end|>"))
    out.write_tokenizer(tokenizer, without_pairs(tokenizer))
    out.write("tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None,
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": decoder_of(tokenizer), "chat_template": TEMPLATE,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return out


def qwen3(path):
    added = special("<|endoftext|>", "<|im_start|>", "<|im_end|>") + plain("<think>", "</think>")
    tokenizer = byte_level(QWEN2, added, normalizer=normalizers.NFC())
    out = Folder(path, "qwen3", "Qwen3ForCausalLM", tokenizer.get_vocab_size() + 11, "qwen2",
                 bos_token_id=tokenizer.token_to_id("<|endoftext|>"), eos_token_id=tokenizer.token_to_id("<|im_end|>"))
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": "<|im_end|>",
                                        "pad_token": "<|endoftext|>", "added_tokens_decoder": decoder_of(tokenizer)})
    out.write("chat_template.jinja", TEMPLATE)
    out.write("additional_chat_templates/tool-use.jinja", "{{ tools }}" + TEMPLATE)
    return out


def qwen2_files(path):
    """vocab.json and merges.txt alone."""
    out = qwen2(path)
    tree = json.loads((path / "tokenizer.json").read_text())
    out.write("vocab.json", tree["model"]["vocab"])
    out.write("merges.txt", "#version: 0.2\n" + "".join(merge + "\n" for merge in tree["model"]["merges"]))
    (path / "tokenizer.json").unlink()
    out.differences = {"tokenizer.ggml.padding_token_id": (out.encode("<|endoftext|>")[0], "found by its text, without tokenizer.json too")}
    return out


def smollm(path):
    names = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>")
    tokenizer = byte_level(None, [], digits=True, in_vocabulary=special(*names))
    out = Folder(path, "llama", "LlamaForCausalLM", tokenizer.get_vocab_size(), "smollm", bos_token_id=1, eos_token_id=2, pad_token_id=2)
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "bos_token": "<|im_start|>",
                                        "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": "<|endoftext|>",
                                        "added_tokens_decoder": decoder_of(tokenizer), "chat_template": [
                                            {"name": "default", "template": TEMPLATE}, {"name": "tool_use", "template": "{{ tools }}"}]})
    return out


def granite(path):
    """As many tokens as Granite's small models, of which a rule knows that they have no BOS."""
    names = ("<|end_of_text|>", "<fim_prefix>", "<fim_middle>")
    tokenizer = byte_level(None, special("<|start_of_role|>", "<|end_of_role|>"), digits=True, in_vocabulary=special(*names))
    out = Folder(path, "granite", "GraniteForCausalLM", 49152, "refact", bos_token_id=0, eos_token_id=0, pad_token_id=0)
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": False, "add_prefix_space": False,
                                        "bos_token": names[0], "eos_token": names[0], "pad_token": names[0], "unk_token": names[0],
                                        "added_tokens_decoder": decoder_of(tokenizer)})
    return out


def smollm3(path):
    names = ("<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>")
    tokenizer = byte_level(LLAMA3, special(*names) + plain("<think>"), ignore_merges=True)
    out = Folder(path, "smollm3", "SmolLM3ForCausalLM", tokenizer.get_vocab_size(), "smaug-bpe",
                 bos_token_id=tokenizer.token_to_id(names[0]), eos_token_id=tokenizer.token_to_id(names[3]))
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "bos_token": None,
                                        "pad_token": "<|im_end|>", "fast": False, "added_tokens_decoder": decoder_of(tokenizer)})
    out.differences = {"tokenizer.ggml.pre": ("llama-bpe", "the file says that words which are tokens stay whole; smaug-bpe does not do that")}
    return out


def stablelm(path):
    tokenizer = byte_level(QWEN2, special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|reg0|>"), normalizer=normalizers.NFC())
    out = Folder(path, "stablelm", "StableLmForCausalLM", tokenizer.get_vocab_size() + 4, "stablelm2",
                 bos_token_id=tokenizer.token_to_id("<|endoftext|>"), eos_token_id=tokenizer.token_to_id("<|endoftext|>"))
    out.write_tokenizer(tokenizer, without_pairs(tokenizer))
    out.write("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
                                        "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "added_tokens_decoder": decoder_of(tokenizer)})
    return out


def phi2(path):
    spaces = [AddedToken(" " * count, special=False, normalized=True) for count in (6, 5, 4, 3, 2)]
    tokenizer = byte_level(None, spaces + [AddedToken("\t\t", special=False, normalized=True)], in_vocabulary=special("<|endoftext|>"))
    out = Folder(path, "phi2", "PhiForCausalLM", tokenizer.get_vocab_size() + 7, "phi-2", bos_token_id=0, eos_token_id=0,
                 hidden_size=64, num_attention_heads=2, max_position_embeddings=128, layer_norm_eps=1e-5)
    out.write_tokenizer(tokenizer, without_pairs(tokenizer))
    out.write("tokenizer_config.json", {"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": False, "bos_token": "<|endoftext|>",
                                        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "added_tokens_decoder": decoder_of(tokenizer)})
    return out


def phi4_mini(path):
    added = special("<|endoftext|>", "<|assistant|>", "<|user|>", "<|end|>") + plain("<|tool|>")
    tokenizer = byte_level(GPT4O, added)
    end = tokenizer.token_to_id("<|endoftext|>")
    out = Folder(path, "phi3", "Phi3ForCausalLM", tokenizer.get_vocab_size() + 2, "gpt-4o", bos_token_id=end, eos_token_id=end)
    out.write_tokenizer(tokenizer)
    out.kept = [[0, 0x7F], [0x4E00, 0x9FFF], [0x1F300, 0x1F5FF]]  # for llama.cpp letters beyond ASCII have no case, and marks are no letters
    out.write("tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": False, "add_eos_token": False, "add_prefix_space": False,
                                        "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
                                        "added_tokens_decoder": decoder_of(tokenizer), "chat_template": "{{ messages }}"})
    return out


def phi3(path):
    proto = train_pieces(path)
    added = special("<unk>", "<s>") + plain("</s>") + special("<|endoftext|>", "<|assistant|>") + plain("<|placeholder1|>", "a\u2581b")
    tokenizer = bpe_of_pieces(proto, added)
    out = Folder(path, "phi3", "Phi3ForCausalLM", tokenizer.get_vocab_size() + 20, "default", bos_token_id=1,
                 eos_token_id=tokenizer.token_to_id("<|endoftext|>"))
    out.write_tokenizer(tokenizer)
    out.encode_pieces()
    decoder = decoder_of(tokenizer)
    decoder.pop(str(tokenizer.token_to_id("<|placeholder1|>")))
    out.write("tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": False, "bos_token": "<s>",
                                        "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<unk>", "legacy": False,
                                        "added_tokens_decoder": decoder})
    out.write("added_tokens.json", {"<|endoftext|>": tokenizer.token_to_id("<|endoftext|>"), "<|assistant|>": tokenizer.token_to_id("<|assistant|>")})
    return out


def llama2(path):
    proto = train_pieces(path)
    out = Folder(path, "llama", "LlamaForCausalLM", len(proto.pieces), "default", bos_token_id=1, eos_token_id=2, pad_token_id=0)
    out.write_tokenizer(bpe_of_pieces(proto, special("<unk>", "<s>", "</s>")))
    out.encode_pieces()
    out.write("tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "legacy": True,
                                        "bos_token": {"__type": "AddedToken", "content": "<s>"}, "eos_token": {"__type": "AddedToken", "content": "</s>"},
                                        "unk_token": {"__type": "AddedToken", "content": "<unk>"}, "pad_token": None, "chat_template": "{{ messages }}"})
    out.write("special_tokens_map.json", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})
    return out


def llama2_files(path):
    """tokenizer.model alone, with a token that a later training added."""
    proto = train_pieces(path)
    out = Folder(path, "llama", "LlamaForCausalLM", len(proto.pieces) + 8, "default", bos_token_id=1, eos_token_id=2)
    out.write("added_tokens.json", {"<pad>": len(proto.pieces), "[INST]": len(proto.pieces) + 1})
    out.write("special_tokens_map.json", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})
    out.encode_pieces()
    out.differences = {"tokenizer.ggml.unknown_token_id": (0, "found by its text, without tokenizer.json too"),
                       "tokenizer.ggml.padding_token_id": (len(proto.pieces), "special_tokens_map.json is read")}
    return out


def llama2_json(path):
    """tokenizer.json alone, as `transformers` saves it: Mistral's, TinyLlama's and many fine-tuned models."""
    proto = train_pieces(path)
    (path / "tokenizer.model").unlink()
    tokenizer = bpe_of_pieces(proto, special("<unk>", "<s>", "</s>", "[INST]"), space="metaspace")
    out = Folder(path, "llama", "LlamaForCausalLM", tokenizer.get_vocab_size(), "default", bos_token_id=1, eos_token_id=2)
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
                                        "legacy": False, "added_tokens_decoder": decoder_of(tokenizer), "add_prefix_space": True})
    out.differences = {"tokenizer.ggml.scores": (None, "the order of merges; the converter has -1000 for all, which merges from the left"),
                       "tokenizer.ggml.token_type": (None, "what is marked as special is a control token, whether it has a role or not")}
    # Metaspace adds no space before one that is there, nor behind a token in the text; no key of a GGUF file says so.
    out.parse, out.strip = False, True
    return out


GEMMA = dict(add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, bos_piece="<bos>", eos_piece="<eos>",
             user_defined_symbols=["<mask>", "<unused0>", "<start_of_turn>", "\n\n", "\u2581\u2581"])


def gemma_tokenizer(path):
    proto = train_pieces(path, **GEMMA)
    added = special("<pad>", "<eos>", "<bos>", "<unk>") + plain("<mask>", "<unused0>", "<start_of_turn>", "\n\n", "\u2581\u2581")
    return proto, bpe_of_pieces(proto, added, space="split", begin="<bos>")


def gemma_config(tokenizer):
    return {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "eos_token": "<eos>",
            "pad_token": "<pad>", "unk_token": "<unk>", "added_tokens_decoder": decoder_of(tokenizer), "chat_template": "{{ messages }}"}


def gemma(path, architecture="gemma", hf_class="GemmaForCausalLM", extra=0):
    proto, tokenizer = gemma_tokenizer(path)
    out = Folder(path, architecture, hf_class, len(proto.pieces) + extra, "default", bos_token_id=2, eos_token_id=1, pad_token_id=0)
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", gemma_config(tokenizer))
    return out


def gemma2(path):
    return gemma(path, "gemma2", "Gemma2ForCausalLM", 5)


def gemma3(path):
    out = gemma(path, "gemma3", "Gemma3ForCausalLM", 3)
    out.config["eos_token_id"] = [1, 6]
    out.write("generation_config.json", {"eos_token_id": [1, 6]})
    out.differences = {"tokenizer.ggml.eot_token_id": (6, "generation_config.json ends answers with it too, and no program knows its text")}
    return out


def gemma3_json(path):
    out = gemma3(path)
    (path / "tokenizer.model").unlink()
    out.differences = {"": (None, "the converter takes it for byte-level and knows no pre-tokenizer for it")}
    return out


def gemma_embedding(path):
    return gemma(path, "gemma-embedding", "Gemma3TextModel")


def ernie(path):
    proto = train_pieces(path, add_dummy_prefix=False)
    out = Folder(path, "ernie4_5", "Ernie4_5ForCausalLM", len(proto.pieces) + 4, "default", bos_token_id=1, eos_token_id=2, pad_token_id=0)
    out.write("tokenizer_config.json", {"tokenizer_class": "Ernie4_5_Tokenizer", "add_prefix_space": False, "bos_token": "<s>", "eos_token": "</s>",
                                        "unk_token": "<unk>", "pad_token": "<unk>", "chat_template": "{{ messages }}",
                                        "added_tokens_decoder": {str(len(proto.pieces)): {"content": "<|IMAGE_PLACEHOLDER|>", "special": True}}})
    out.write("added_tokens.json", {"<|IMAGE_PLACEHOLDER|>": len(proto.pieces)})
    out.encode_pieces()
    out.differences = {"tokenizer.ggml.unknown_token_id": (0, "found by its text, without tokenizer.json too")}
    return out


def bert(path, architecture="bert", hf_class="BertModel"):
    tokenizer = word_piece(True)
    out = Folder(path, architecture, hf_class, tokenizer.get_vocab_size() + 4, "jina-v2-en", type_vocab_size=2, pad_token_id=0)
    out.write_tokenizer(tokenizer)
    out.write("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]",
                                        "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]", "strip_accents": None})
    return out


def nomic_bert(path):
    return bert(path, "nomic-bert", "NomicBertModel")


def bert_cased(path):
    tokenizer = word_piece(False)
    out = Folder(path, "bert", "BertModel", tokenizer.get_vocab_size(), "jina-v2-en", type_vocab_size=2, pad_token_id=0)
    out.write_tokenizer(tokenizer)
    ids = {id: text for text, id in tokenizer.get_vocab().items()}
    (path / "tokenizer.json").unlink()
    out.write("vocab.txt", "".join(ids[id] + "\n" for id in range(len(ids))))
    out.write("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    why = "found by its text, without tokenizer.json too"
    out.differences = {"tokenizer.ggml.normalizer.lowercase": (False, "as written in tokenizer_config.json")}
    for key, name in (("bos", "[CLS]"), ("eos", "[SEP]"), ("unknown", "[UNK]"), ("seperator", "[SEP]"), ("mask", "[MASK]")):
        out.differences[f"tokenizer.ggml.{key}_token_id"] = (tokenizer.token_to_id(name), why)
    return out


def unigram(path):
    """XLM-RoBERTa's kind."""
    write_rules(path / "rules.tsv")
    proto = train_pieces(path, model_type="unigram", byte_fallback=False, normalization_rule_tsv=str(path / "rules.tsv"), vocab_size=600,
                         remove_extra_whitespaces=True)
    (path / "rules.tsv").unlink()
    (path / "tokenizer.model").unlink()
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(piece.piece, round(piece.score * 1024) / 1024) for piece in proto.pieces[3:]] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    table = proto.normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Precompiled(table)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_tokens(special("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                             special_tokens=[("<s>", 0), ("</s>", 2)])
    out = Folder(path, "bert", "XLMRobertaModel", tokenizer.get_vocab_size() + 3, "default", type_vocab_size=1, pad_token_id=1,
                 bos_token_id=0, eos_token_id=2)
    out.write_tokenizer(tokenizer)
    out.kept = [[9, 10], [13, 13], [32, 126], [0xA1, 0x2AF], [0x370, 0x167F], [0x3040, 0x1FFFF]]  # spaces that the table makes spaces
    out.write("tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
                                        "sep_token": "</s>", "cls_token": "<s>", "pad_token": "<pad>", "mask_token": "<mask>",
                                        "clean_up_tokenization_spaces": True})
    return out


def unigram_bytes(path):
    """tokenizer.model of the other algorithm, with byte tokens."""
    proto = train_pieces(path, model_type="unigram")
    for piece in proto.pieces:  # so that sums are exact, in float and double
        piece.score = round(piece.score * 1024) / 1024
    (path / "tokenizer.model").write_bytes(proto.SerializeToString())
    out = Folder(path, "llama", "LlamaForCausalLM", len(proto.pieces), "default", bos_token_id=1, eos_token_id=2)
    out.encode_pieces()
    why = "the model says that it is unigram; the converter calls every tokenizer.model BPE"
    out.differences = {"tokenizer.ggml.model": ("t5", why), "tokenizer.ggml.add_space_prefix": (True, why),
                       "tokenizer.ggml.remove_extra_whitespaces": (False, why), "tokenizer.ggml.add_bos_token": (True, why),
                       "tokenizer.ggml.add_eos_token": (False, why)}
    return out


CASES = {"llama3": llama3, "qwen2": qwen2, "qwen3": qwen3, "qwen2-files": qwen2_files, "smollm": smollm, "granite": granite, "smollm3": smollm3,
         "stablelm": stablelm, "phi2": phi2, "phi4-mini": phi4_mini, "phi3": phi3, "llama2": llama2, "llama2-files": llama2_files,
         "llama2-json": llama2_json, "gemma": gemma, "gemma2": gemma2, "gemma3": gemma3, "gemma3-json": gemma3_json,
         "gemma-embedding": gemma_embedding, "ernie4_5": ernie, "bert": bert, "nomic-bert": nomic_bert, "bert-cased": bert_cased, "unigram": unigram,
         "unigram-bytes": unigram_bytes}


def converted(folder):
    """The tokenizer.* keys of llama.cpp's converter."""
    kind = conversion.get_model_class(folder.hf_class)
    kind.get_vocab_base_pre = lambda self, tokenizer: folder.pre
    with tempfile.TemporaryDirectory() as temporary:
        file = pathlib.Path(temporary) / "vocabulary.gguf"
        model = object.__new__(kind)
        model.dir_model, model.hparams, model.is_mistral_format = folder.path, dict(folder.config), False
        model.gguf_writer = gguf.GGUFWriter(file, folder.architecture)
        model.origin_hf_arch, model.vocab_size = folder.hf_class, None
        model._tokenizer_is_xlmroberta = False
        if folder.architecture == "phi2":  # sets a key of the tokenizer among its parameters
            model.rope_parameters, model.block_count, model.ftype = {"partial_rotary_factor": 0.5}, 2, 0
            model.set_gguf_parameters()
        model.set_vocab()
        model.gguf_writer.write_header_to_file()
        model.gguf_writer.write_kv_data_to_file()
        model.gguf_writer.close()
        fields = gguf.GGUFReader(file).fields
        return {key: golden_value(field) for key, field in fields.items() if key.startswith("tokenizer.")}


def hash_of(parts):
    value = 0xCBF29CE484222325
    for byte in b"".join(parts):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def golden_value(field):
    value = field.contents()
    if field.types[0] != gguf.GGUFValueType.ARRAY:
        return value
    if isinstance(value[0], str):
        parts = [text.encode() + b"\0" for text in value]
    else:
        parts = [struct.pack("<f" if isinstance(item, float) else "<i", item) for item in value]
    return {"count": len(value), "hash": hash_of(parts)}


def text_of(index, strip, kept):
    """Without U+2581, which SentencePiece takes for a space, and letters of Unicode 16 and 17, which Thimble's tables of 15.1 do not know."""
    text = "".join(c for c in random_string(index) if c != SPACE and not 0x13460 <= ord(c) <= 0x143FF and not 0x16FF2 <= ord(c) <= 0x16FF6)
    if kept:
        text = "".join(c for c in text if any(first <= ord(c) <= last for first, last in kept))
    return text.lstrip(" ") if strip else text


def make(name):
    path = DATA / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    folder = CASES[name](path)
    folder.write("config.json", folder.config)
    keys = {} if "" in folder.differences else converted(folder)
    golden = {"architecture": folder.architecture, "vocabulary_size": folder.config["vocab_size"], "keys": keys,
              "differences": {key: {"value": value, "why": why} for key, (value, why) in folder.differences.items()},
              "parse_special": folder.parse, "add_special": folder.add_special, "strip": folder.strip, "kept": folder.kept,
              "digests": grouped([folder.encode(text_of(index, folder.strip, folder.kept)) for index in range(STRINGS)])}
    folder.write("golden.json", golden)
    print(f"{name}: {len(keys)} keys")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names or CASES:
        make(name)


if __name__ == "__main__":
    main()

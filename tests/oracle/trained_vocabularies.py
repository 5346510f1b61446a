#!/usr/bin/env python3
"""Makes small WordPiece and Unigram vocabularies, tests/data/tokenizer/NAME.gguf, and the digests of what their own trainers'
libraries make of the texts of tokenizer_golden.py.

    trained_vocabularies.py [ggml-vocab-bert-bge.gguf]

WordPiece is trained and read by Hugging Face's `tokenizers`, Unigram by SentencePiece. Both are trained on random strings of many
scripts, so that letters, accents and normalizations of all of them matter. With the file of llama.cpp's BERT vocabulary, its
digests are made too, by `tokenizers`. Needs: pip install gguf tokenizers==0.23.3 sentencepiece==0.2.1 protobuf
"""
import io
import pathlib
import re
import sys
import tempfile
import unicodedata

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tokenizer_golden import BLOCKS, RANDOM_STRINGS, code_point_block, grouped, random_string, write_digests

DATA = pathlib.Path(__file__).resolve().parent.parent / "data/tokenizer"
SPACE = "\u2581"
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORD_PIECES = {  # lowercase, strip accents
    "word-piece-uncased": (True, True),
    "word-piece-cased": (False, False),
    "word-piece-accents": (True, False),
}
UNIGRAMS = {  # whether rules are applied, whether a space is added, whether spaces are merged
    "unigram-rules": (True, True, True),
    "unigram-spaces": (True, False, False),
    "unigram-merged": (True, False, True),
    "unigram-identity": (False, True, False),
}


def text_of(index):
    """SentencePiece takes U+2581 itself at the end of a text for a space; llama.cpp, and Thimble with it, does not."""
    return random_string(index).replace(SPACE, "")


def write_all_digests(name, encode, control=None):
    """`control` has the ids of the tokens that stand for themselves where control tokens are parsed."""
    def encode_parsed(text):
        if not control:
            return encode(text)
        parts = re.split("(" + "|".join(re.escape(token) for token in control) + ")", text)
        return [id for part in parts for id in ([control[part]] if part in control else encode(part))]

    strings = [text_of(index) for index in range(RANDOM_STRINGS)]
    blocks = [encode(code_point_block(block)) for block in range(BLOCKS["vocabulary"])]
    write_digests(name, [len(strings), len(blocks), *grouped([encode(text) for text in strings]),
                         *grouped([encode_parsed(text) for text in strings]), *grouped(blocks)])


def word_piece(model, lowercase, strip_accents):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=strip_accents,
                                                      lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def written_word_piece(token):
    if token.startswith("##"):
        return token[2:]
    return token if token in BERT_SPECIAL else SPACE + token


def make_word_piece(name, lowercase, strip_accents, texts):
    tokenizer = word_piece(models.WordPiece(unk_token="[UNK]"), lowercase, strip_accents)
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=2500, special_tokens=BERT_SPECIAL,
                                                                   limit_alphabet=1000, min_frequency=1))
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.get)
    writer = gguf.GGUFWriter(DATA / f"{name}.gguf", "bert")
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([written_word_piece(token) for token in tokens])
    writer.add_token_types([3 if token in BERT_SPECIAL else 1 for token in tokens])
    for key, token in (("cls", "[CLS]"), ("seperator", "[SEP]"), ("unknown", "[UNK]"), ("padding", "[PAD]"), ("mask", "[MASK]")):
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", ids[token])
    writer.add_bool("tokenizer.ggml.normalizer.lowercase", lowercase)
    writer.add_bool("tokenizer.ggml.normalizer.strip_accents", strip_accents)
    close(writer)
    write_all_digests(name, lambda text: tokenizer.encode(text, add_special_tokens=False).ids)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def rules():
    """Some normalizations as nmt_nfkc has them, whose own table is too large to keep here: one character to one, to several, to
    none and to a space, and several to one."""
    found = {chr(c): unicodedata.normalize("NFKC", chr(c)) for c in [*range(0xA0, 0x180), *range(0xFF01, 0xFF5F), 0x3000]}
    found.update({"\u200b": "", "\ufeff": "", "\t": " ", "\n": " ", "\r": " ", "\u2028": " ", "\u2026": "..."})
    for mark in range(0x300, 0x330):
        found.update({c + chr(mark): unicodedata.normalize("NFKC", c + chr(mark)) for c in "aeiouc"})
    return {source: target for source, target in found.items() if source != target}


def write_rules(path):
    lines = [" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target)
             for source, target in rules().items()]
    path.write_text("\n".join(lines) + "\n")


def make_unigram(name, has_rules, add_space, merge_spaces, texts):
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "rules.tsv"
        write_rules(table)
        normalization = {"normalization_rule_tsv": str(table)} if has_rules else {"normalization_rule_name": "identity"}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, model_type="unigram", vocab_size=1500, character_coverage=0.98,
            hard_vocab_limit=False, add_dummy_prefix=add_space, remove_extra_whitespaces=merge_spaces, bos_id=-1, eos_id=1,
            unk_id=2, pad_id=0, minloglevel=2, num_threads=1, **normalization)
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    for piece in proto.pieces:  # so that sums are exact: SentencePiece adds in float, others in double, and equal ways are common
        piece.score = round(piece.score * 1024) / 1024
    writer = gguf.GGUFWriter(DATA / f"{name}.gguf", "t5")
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.piece for piece in proto.pieces])
    writer.add_token_scores([piece.score for piece in proto.pieces])
    writer.add_token_types([piece.type for piece in proto.pieces])
    writer.add_bool("tokenizer.ggml.add_space_prefix", add_space)
    writer.add_bool("tokenizer.ggml.remove_extra_whitespaces", merge_spaces)
    if proto.normalizer_spec.precompiled_charsmap:
        writer.add_precompiled_charsmap(proto.normalizer_spec.precompiled_charsmap)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(2)
    writer.add_pad_token_id(0)
    close(writer)
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    write_all_digests(name, processor.encode, {"<pad>": 0, "</s>": 1, "<unk>": 2})


def make_bert_digests(path):
    reader = gguf.GGUFReader(path)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    types = reader.fields["tokenizer.ggml.token_type"].contents()
    vocabulary = {}
    for index, (token, kind) in enumerate(zip(tokens, types)):
        is_beginning = token.startswith(SPACE) or kind == 3 or (token.startswith("[") and token.endswith("]"))
        vocabulary[token.removeprefix(SPACE) if is_beginning else "##" + token] = index
    tokenizer = word_piece(models.WordPiece(vocabulary, unk_token="[UNK]"), True, True)
    write_all_digests(pathlib.Path(path).stem, lambda text: tokenizer.encode(text, add_special_tokens=False).ids)


def main():
    texts = [random_string(index) for index in range(20_000, 24_000)]
    for name, arguments in WORD_PIECES.items():
        make_word_piece(name, *arguments, [text.replace(SPACE, "") for text in texts])
    for name, arguments in UNIGRAMS.items():
        make_unigram(name, *arguments, ["".join(c for c in text if ord(c) < 0x400) for text in texts])
    for path in sys.argv[1:]:
        make_bert_digests(path)


if __name__ == "__main__":
    main()

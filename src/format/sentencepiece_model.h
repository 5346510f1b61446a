// tokenizer.model: a trained SentencePiece model as its library stores it. Specification: google/sentencepiece,
// src/sentencepiece_model.proto (ModelProto, TrainerSpec, NormalizerSpec).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

enum class PieceType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct SentencePieceModel {
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::normal;
  };
  enum class Algorithm : uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<Piece> pieces;  // by id
  Algorithm algorithm = Algorithm::unigram;
  // Of the normalizer.
  bool add_space_prefix = true;
  bool remove_extra_whitespaces = true;
  std::string precompiled_charsmap;  // empty where text stays as it is
};

// Throws Error(bad_file) naming `name` (the file) and the fault: no such message, no pieces or more than 2^24, a piece that is
// empty or no UTF-8, of a type that does not exist, or whose score is not finite.
SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& name);
SentencePieceModel read_sentencepiece_model(const std::string& path);

}  // namespace thimble

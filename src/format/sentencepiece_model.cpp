#include "format/sentencepiece_model.h"

#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "format/protobuf.h"

namespace thimble {
namespace {

using Piece = SentencePieceModel::Piece;
using enum WireType;

constexpr size_t kMostPieces = size_t{1} << 24;
constexpr size_t kMostBytes = size_t{1} << 30;

// Field numbers of the messages.
constexpr uint32_t kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3;
constexpr uint32_t kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr uint32_t kModelType = 3;
constexpr uint32_t kCharsMap = 2, kDummyPrefix = 3, kExtraWhitespaces = 4;

bool is(const ProtobufField& field, uint32_t number, WireType type) {
  return field.number == number && field.type == type;
}

Piece parse_piece(std::string_view message, const std::string& name, size_t id) {
  Piece piece;
  ProtobufReader reader(message, name);
  while (const auto field = reader.next()) {
    if (is(*field, kPieceText, length_delimited)) piece.text = field->bytes;
    if (is(*field, kPieceScore, fixed32)) piece.score = field->as_float();
    if (!is(*field, kPieceType, varint)) continue;
    if (field->integer < 1 || field->integer > 6)
      fail(ExitCode::bad_file, "{}: piece {} is of type {}, expected 1 to 6", printable(name), id, field->integer);
    piece.type = static_cast<PieceType>(field->integer);
  }
  if (piece.text.empty() || !is_valid_utf8(piece.text)) {
    fail(ExitCode::bad_file, "{}: piece {} is '{}', expected a text in UTF-8", printable(name), id,
         printable(piece.text, 60));
  }
  if (!std::isfinite(piece.score))
    fail(ExitCode::bad_file, "{}: the score of piece {} is not a finite number", printable(name), id);
  return piece;
}

void read_trainer(SentencePieceModel& model, std::string_view message, const std::string& name) {
  ProtobufReader reader(message, name);
  while (const auto field = reader.next()) {
    if (!is(*field, kModelType, varint)) continue;
    if (field->integer < 1 || field->integer > 4)
      fail(ExitCode::bad_file, "{}: the model is of type {}, expected 1 to 4", printable(name), field->integer);
    model.algorithm = static_cast<SentencePieceModel::Algorithm>(field->integer);
  }
}

void read_normalizer(SentencePieceModel& model, std::string_view message, const std::string& name) {
  ProtobufReader reader(message, name);
  while (const auto field = reader.next()) {
    if (is(*field, kCharsMap, length_delimited)) model.precompiled_charsmap = field->bytes;
    if (is(*field, kDummyPrefix, varint)) model.add_space_prefix = field->integer != 0;
    if (is(*field, kExtraWhitespaces, varint)) model.remove_extra_whitespaces = field->integer != 0;
  }
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& name) {
  SentencePieceModel model;
  ProtobufReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (is(*field, kPieces, length_delimited)) {
      if (model.pieces.size() == kMostPieces)
        fail(ExitCode::bad_file, "{}: more than {} pieces", printable(name), kMostPieces);
      model.pieces.push_back(parse_piece(field->bytes, name, model.pieces.size()));
    }
    if (is(*field, kTrainerSpec, length_delimited)) read_trainer(model, field->bytes, name);
    if (is(*field, kNormalizerSpec, length_delimited)) read_normalizer(model, field->bytes, name);
  }
  if (model.pieces.empty()) fail(ExitCode::bad_file, "{}: a SentencePiece model without pieces", printable(name));
  return model;
}

SentencePieceModel read_sentencepiece_model(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  if (file.bytes().size() > kMostBytes) {
    fail(ExitCode::bad_file, "{}: {} bytes, at most {} are supported", printable(path), file.bytes().size(),
         kMostBytes);
  }
  return parse_sentencepiece_model({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path);
}

}  // namespace thimble

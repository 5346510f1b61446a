// What LoRA adapters add to the tensors of a model's file, tensor by tensor: delta = sum over adapters of scale * left right.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "model/model.h"
#include "tune/lora.h"

namespace thimble {

// One adapter's part in one tensor, unpacked.
struct UpdateFactors {
  size_t rank = 0;
  double scale = 1;          // alpha and the caller's in it
  std::vector<float> left;   // [rows][rank]
  std::vector<float> right;  // [rank][columns]
};

class MergeUpdates {
 public:
  // `base` is the model's file and must outlive this. Throws Error(bad_file).
  explicit MergeUpdates(const Gguf& base);
  MergeUpdates(const MergeUpdates&) = delete;
  MergeUpdates& operator=(const MergeUpdates&) = delete;

  // An adapter in GGUF form (model/adapter.h), or a folder of peft. A scale of 0 adds nothing. Throws Error(bad_file) for one of
  // another model, naming tensor and shape.
  void add(const std::string& path, float scale);

  const Model& model() const { return model_; }  // of shapes
  const Gguf& base() const { return model_.gguf(); }
  size_t adapters() const { return ggufs_.size() + folders_.size(); }

  // Whether a tied head and the embedding part: what adapters add to one of them is not meant for the other.
  bool unties_head() const;

  // What is added to the tensor of this name; "output.weight" is the head where unties_head(). Throws Error(bad_file) for factors that
  // are not finite.
  std::vector<UpdateFactors> factors(std::string_view tensor) const;
  bool has(std::string_view tensor) const;

 private:
  struct Update {
    std::string tensor;
    uint32_t rank = 0;
    double scale = 1;
    // Of a GGUF adapter.
    const Gguf* file = nullptr;
    const GgufTensor* a = nullptr;
    const GgufTensor* b = nullptr;
    bool is_embedding = false;
    // Of a folder.
    std::span<const float> left, right;
  };
  struct Folder {
    Model model;
    Lora lora;
    Folder(const Gguf& base, const std::string& path);
  };

  void add_gguf(const std::string& path, float scale);
  void add_folder(const std::string& path, float scale);
  static UpdateFactors unpack(const Update& update);

  Model model_;  // of shapes
  std::deque<Gguf> ggufs_;
  std::deque<Folder> folders_;
  std::vector<Update> updates_;
};

}  // namespace thimble

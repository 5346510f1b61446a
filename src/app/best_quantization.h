// `thimble quantize --method best`: its options, and how it runs and reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/console.h"
#include "app/option_table.h"
#include "compress/best_quantizer.h"

namespace thimble {

class BestQuantization {
 public:
  void declare(OptionTable& options);

  // Whether `method`, which may be empty, and the options mean this way of quantizing.
  bool is_wanted(const std::string& method) const { return method == "best" || (method.empty() && has_size()); }

  void run(Console& console, const std::string& input, const std::string& output, unsigned threads,
           const std::string& isa, bool json) const;

 private:
  bool has_size() const { return budget_ || !like_.empty(); }
  uint64_t budget_bytes(const Gguf& gguf) const;
  void report(Console& console, const Gguf& gguf, const std::string& output, const BestResult& result, bool json) const;

  std::vector<std::string> calibration_;
  std::optional<uint64_t> budget_;
  std::string like_;
  std::string statistics_;
  int64_t chunks_ = 128;
};

}  // namespace thimble

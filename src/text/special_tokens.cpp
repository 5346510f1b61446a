#include "text/special_tokens.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/error.h"

namespace thimble {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::array<std::string_view, 11> kEndOfTurn = {
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>",         "<|endoftext|>",     "<|end_of_text|>",
    "<EOT>",      "_<EOT>",     "[EOT]",   "<｜end▁of▁sentence｜>", "<end_of_utterance>"};
constexpr std::array<std::string_view, 1> kEndOfMessage = {"<|eom_id|>"};
constexpr std::array<std::string_view, 8> kFillPrefix = {"<|fim_prefix|>",  "<fim-prefix>", "<fim_prefix>",
                                                         "<｜fim▁begin｜>", "<PRE>",        "▁<PRE>",
                                                         "<|code_prefix|>", "<|prefix|>"};
constexpr std::array<std::string_view, 8> kFillSuffix = {"<|fim_suffix|>",  "<fim-suffix>", "<fim_suffix>",
                                                         "<｜fim▁hole｜>",  "<SUF>",        "▁<SUF>",
                                                         "<|code_suffix|>", "<|suffix|>"};
constexpr std::array<std::string_view, 8> kFillMiddle = {"<|fim_middle|>",  "<fim-middle>", "<fim_middle>",
                                                         "<｜fim▁end｜>",   "<MID>",        "▁<MID>",
                                                         "<|code_middle|>", "<|middle|>"};
constexpr std::array<std::string_view, 5> kFillPad = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"};
constexpr std::array<std::string_view, 5> kFillRepository = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>",
                                                             "<reponame>"};
constexpr std::array<std::string_view, 1> kFillSeparator = {"<|file_sep|>"};

// A role that a key gives to a token, or else the first of `texts` that is in the vocabulary.
struct Role {
  std::array<std::string_view, 2> keys;
  Texts texts;
  bool ends_generation;
};

constexpr std::array<Role, 8> kRoles = {{
    {{"tokenizer.ggml.eot_token_id"}, Texts(kEndOfTurn), true},
    {{"tokenizer.ggml.eom_token_id"}, Texts(kEndOfMessage), true},
    {{"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"}, Texts(kFillPrefix), false},
    {{"tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"}, Texts(kFillSuffix), false},
    {{"tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"}, Texts(kFillMiddle), false},
    {{"tokenizer.ggml.fim_pad_token_id"}, Texts(kFillPad), true},
    {{"tokenizer.ggml.fim_rep_token_id"}, Texts(kFillRepository), true},
    {{"tokenizer.ggml.fim_sep_token_id"}, Texts(kFillSeparator), true},
}};

// Whatever the file says of them, these end the answer.
constexpr std::array kEndTexts = std::to_array<std::string_view>({
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
});

// Parts of an answer that are shown, though files call them control tokens.
constexpr std::array<std::string_view, 4> kShownTexts = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

constexpr std::array<std::string_view, 1> kUnknownKeys = {"tokenizer.ggml.unknown_token_id"};

// No vocabulary known comes near these; without them a file could make matching take hours.
constexpr size_t kMostSpecialLengths = 256;
constexpr size_t kLongestSpecial = 1024;

std::optional<TokenId> read_id(const Gguf& gguf, const Vocabulary& vocabulary, std::string_view key) {
  const auto id = gguf.unsigned_integer(key);
  if (!id) return std::nullopt;
  if (*id >= vocabulary.size()) {
    fail(ExitCode::bad_file, "{}: {} is {}, but the vocabulary has {} tokens", printable(gguf.path()), key, *id,
         vocabulary.size());
  }
  return static_cast<TokenId>(*id);
}

// The default where no key is there and the vocabulary has such a token.
std::optional<TokenId> read_id_or(const Gguf& gguf, const Vocabulary& vocabulary,
                                  std::span<const std::string_view> keys, std::optional<TokenId> fallback) {
  for (const std::string_view key : keys) {
    if (key.empty()) continue;
    if (const auto id = read_id(gguf, vocabulary, key)) return id;
  }
  return fallback && vocabulary.contains(*fallback) ? fallback : std::nullopt;
}

bool read_flag(const Gguf& gguf, std::string_view key, bool fallback) {
  return key.empty() ? fallback : gguf.boolean(key).value_or(fallback);
}

std::optional<TokenId> find_role(const Gguf& gguf, Vocabulary& vocabulary, const Role& role) {
  if (const auto id = read_id_or(gguf, vocabulary, role.keys, std::nullopt)) return id;
  for (const std::string_view text : role.texts) {
    const auto id = vocabulary.find(text);
    if (!id) continue;
    vocabulary.set_type(*id, TokenType::control);
    return id;
  }
  return std::nullopt;
}

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// Some models' added tokens take the white space before or after them; no key in the file says so.
void set_stripping(const Gguf& gguf, Vocabulary& vocabulary) {
  const std::string name = lower_case(gguf.string("general.name").value_or(""));
  const auto strip_left = [&](std::string_view text) {
    if (const auto id = vocabulary.find(text)) vocabulary.set_strips_left(*id);
  };
  if (contains_any(gguf.string("tokenizer.ggml.pre").value_or(""), {"jina-v2-de", "jina-v2-es", "jina-v2-code"}) ||
      contains_any(gguf.string("general.architecture").value_or(""), {"nomic-bert-moe", "jina-bert-v3"})) {
    strip_left("<mask>");
  } else if (contains_any(name, {"phi-3", "phi3"})) {
    for (TokenId id = 0; vocabulary.contains(id); ++id) vocabulary.set_strips_right(id, vocabulary.is_special(id));
    if (const auto id = vocabulary.find("</s>")) vocabulary.set_strips_right(*id, true);
    for (const std::string_view text : {"<unk>", "<s>", "<|endoftext|>"}) {
      if (const auto id = vocabulary.find(text)) vocabulary.set_strips_right(*id, false);
    }
  } else if (contains_any(name, {"modern-bert"})) {
    strip_left("[MASK]");
  }
}

}  // namespace

bool ends_every_answer(std::string_view text) { return std::ranges::find(kEndTexts, text) != kEndTexts.end(); }

TokenId require_unknown(const Gguf& gguf, std::optional<TokenId> unknown) {
  if (unknown) return *unknown;
  fail(ExitCode::bad_file, "{}: what is no token needs an unknown token, but {} is missing", printable(gguf.path()),
       kUnknownKeys[0]);
}

SpecialTokens::SpecialTokens(const Gguf& gguf, Vocabulary& vocabulary, const SpecialTokenDefaults& defaults)
    : bos_(read_id_or(gguf, vocabulary, defaults.bos_keys, defaults.bos)),
      eos_(read_id_or(gguf, vocabulary, {&defaults.eos_key, 1}, defaults.eos)),
      unknown_(read_id_or(gguf, vocabulary, kUnknownKeys, defaults.unknown)),
      add_bos_(read_flag(gguf, defaults.add_bos_key, defaults.add_bos)),
      add_eos_(read_flag(gguf, defaults.add_eos_key, defaults.add_eos)) {
  if (add_bos_ && !bos_) {
    fail(ExitCode::bad_file, "{}: texts are to begin with a BOS token, but {} is missing", printable(gguf.path()),
         defaults.bos_keys[0]);
  }
  if (add_eos_ && !eos_) {
    fail(ExitCode::bad_file, "{}: texts are to end with an EOS token, but {} is missing", printable(gguf.path()),
         defaults.eos_key);
  }
  find_end_of_generation(gguf, vocabulary);
  set_stripping(gguf, vocabulary);
}

void SpecialTokens::find_end_of_generation(const Gguf& gguf, Vocabulary& vocabulary) {
  for (const Role& role : kRoles) {
    const auto id = find_role(gguf, vocabulary, role);
    if (id && role.ends_generation) ends_.push_back(*id);
  }
  for (const std::string_view text : kEndTexts) {
    const auto id = vocabulary.find(text);
    if (!id) continue;
    vocabulary.set_type(*id, TokenType::control);
    ends_.push_back(*id);
  }
  if (eos_) ends_.push_back(*eos_);
  for (const std::string_view text : kShownTexts) {
    if (const auto id = vocabulary.find(text)) vocabulary.set_type(*id, TokenType::user_defined);
  }
  std::ranges::sort(ends_);
  ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
  remove_ordinary_ends(vocabulary);
}

void SpecialTokens::remove_ordinary_ends(Vocabulary& vocabulary) {
  const auto has_end = [&](std::string_view text) {
    const auto id = vocabulary.find(text);
    return id && ends_generation(*id);
  };
  const auto remove = [&](std::string_view text, TokenType type) {
    const TokenId id = *vocabulary.find(text);
    std::erase(ends_, id);
    vocabulary.set_type(id, type);
  };
  // In gpt-oss and Solar an answer goes on after <|end|>; in Gemma 4 and PLaMo </s> is text.
  const bool has_call = has_end("<|call|>") || has_end("<|calls|>");
  if (has_call && has_end("<|end|>") && (has_end("<|return|>") || has_end("<|flush|>"))) {
    remove("<|end|>", TokenType::user_defined);
  }
  if (has_end("</s>") && (has_end("<|tool_response>") || has_end("<|plamo:eos|>"))) remove("</s>", TokenType::normal);
}

bool SpecialTokens::ends_generation(TokenId id) const { return std::ranges::binary_search(ends_, id); }

size_t SpecialTokens::memory_bytes() const { return ends_.capacity() * sizeof(TokenId); }

SpecialMatcher::SpecialMatcher(const Gguf& gguf, const Vocabulary& vocabulary) {
  for (TokenId id = 0; vocabulary.contains(id); ++id) {
    const std::string_view text = vocabulary.text(id);
    if (!vocabulary.is_special(id) || text.empty()) continue;
    if (text.size() > kLongestSpecial) {
      fail(ExitCode::bad_file,
           "{}: tokenizer.ggml.tokens: the special token {} is {} bytes long, at most {} are supported",
           printable(gguf.path()), id, text.size(), kLongestSpecial);
    }
    add(all_, text);
    if (vocabulary.type(id) == TokenType::user_defined) add(user_defined_, text);
  }
  if (all_.size() > kMostSpecialLengths) {
    fail(ExitCode::bad_file,
         "{}: tokenizer.ggml.tokens: the special tokens have {} different lengths, at most {} are supported",
         printable(gguf.path()), all_.size(), kMostSpecialLengths);
  }
  const auto longest_first = [](const LengthClass& a, const LengthClass& b) { return a.length > b.length; };
  std::ranges::sort(all_, longest_first);
  std::ranges::sort(user_defined_, longest_first);
}

void SpecialMatcher::add(std::vector<LengthClass>& classes, std::string_view text) {
  auto found = std::ranges::find(classes, text.size(), &LengthClass::length);
  if (found == classes.end()) found = classes.insert(classes.end(), LengthClass{text.size(), {}, {}});
  found->first_bytes.set(static_cast<uint8_t>(text.front()));
  found->last_bytes.set(static_cast<uint8_t>(text.back()));
}

// Cuts a fragment of text at the tokens of one length.
template <class Matches>
void SpecialMatcher::cut(const Vocabulary& vocabulary, std::string_view text, const Fragment& fragment,
                         const LengthClass& wanted, Matches matches, std::vector<Fragment>& out) {
  const size_t end = fragment.begin + fragment.length;
  size_t done = fragment.begin;
  for (size_t at = fragment.begin; at + wanted.length <= end;) {
    const bool may_match = wanted.first_bytes.test(static_cast<uint8_t>(text[at])) &&
                           wanted.last_bytes.test(static_cast<uint8_t>(text[at + wanted.length - 1]));
    const auto id = may_match ? vocabulary.find(text.substr(at, wanted.length)) : std::nullopt;
    if (!id || !matches(*id, at)) {
      ++at;
      continue;
    }
    size_t text_end = at;
    while (vocabulary.strips_left(*id) && text_end > done && is_ascii_space(text[text_end - 1])) --text_end;
    if (text_end > done) out.push_back({done, text_end - done});
    out.push_back({at, wanted.length, *id});
    at += wanted.length;
    while (vocabulary.strips_right(*id) && at < end && is_ascii_space(text[at])) ++at;
    done = at;
  }
  if (end > done) out.push_back({done, end - done});
}

std::vector<Fragment> SpecialMatcher::partition(const Vocabulary& vocabulary, std::string_view text, bool parse_special,
                                                std::span<const size_t> barred) const {
  const auto matches = [&](TokenId id, size_t begin) {
    if (vocabulary.type(id) == TokenType::user_defined) return true;
    if (!parse_special || !vocabulary.is_special(id)) return false;
    const auto inside = std::ranges::upper_bound(barred, begin);
    return inside == barred.end() || *inside >= begin + vocabulary.text(id).size();
  };
  std::vector<Fragment> fragments;
  if (!text.empty()) fragments.push_back({0, text.size()});
  std::vector<Fragment> next;
  for (const LengthClass& wanted : parse_special ? all_ : user_defined_) {
    next.clear();
    for (const Fragment& fragment : fragments) {
      if (fragment.token == Fragment::kText) {
        cut(vocabulary, text, fragment, wanted, matches, next);
      } else {
        next.push_back(fragment);
      }
    }
    std::swap(fragments, next);
  }
  return fragments;
}

size_t SpecialMatcher::memory_bytes() const {
  return (all_.capacity() + user_defined_.capacity()) * sizeof(LengthClass);
}

}  // namespace thimble

#include "compress/checkpoint_vocabulary.h"

#include <array>
#include <vector>

#include "base/error.h"
#include "compress/chat_template_files.h"
#include "compress/checkpoint_files.h"
#include "compress/special_token_ids.h"
#include "compress/vocabulary_kinds.h"
#include "format/json_text.h"
#include "text/pre_tokenizer.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr float kPaddingScore = -10000;

std::string key_of(std::string_view name) { return "tokenizer.ggml." + std::string(name); }

struct RoleKey {
  std::string_view role;
  std::string_view key;
};
constexpr std::array<RoleKey, 8> kRoleKeys = {{{"bos", "bos_token_id"},
                                               {"eos", "eos_token_id"},
                                               {"eot", "eot_token_id"},
                                               {"eom", "eom_token_id"},
                                               {"unk", "unknown_token_id"},
                                               {"sep", "seperator_token_id"},  // spelt so in GGUF
                                               {"pad", "padding_token_id"},
                                               {"mask", "mask_token_id"}}};

// --pre-tokenizer is for kinds that have one.
void require_use(const CollectedVocabulary& vocabulary, const std::string& folder, std::string_view pre_tokenizer) {
  if (pre_tokenizer.empty() || vocabulary.kind == VocabularyKind::byte_level) return;
  fail(ExitCode::usage,
       "--pre-tokenizer {}: the vocabulary of {} is no byte-level BPE and has no pre-tokenizer to choose",
       printable(pre_tokenizer), printable(folder));
}

void write_tokens(const CollectedVocabulary& vocabulary, GgufWriter& writer) {
  std::vector<std::string_view> texts;
  std::vector<int32_t> types;
  std::vector<float> scores;
  for (const CheckpointToken& token : vocabulary.tokens.all()) {
    texts.push_back(token.text);
    types.push_back(static_cast<int32_t>(token.type));
    scores.push_back(token.score);
  }
  writer.set(key_of("model"), model_of(vocabulary.kind));
  writer.set(key_of("pre"), vocabulary.pre_tokenizer);
  writer.set(key_of("tokens"), std::span<const std::string_view>(texts));
  writer.set(key_of("token_type"), std::span<const int32_t>(types));
  if (vocabulary.has_scores()) writer.set(key_of("scores"), std::span<const float>(scores));
  if (vocabulary.kind != VocabularyKind::byte_level) return;
  const std::vector<std::string_view> merges(vocabulary.merges.begin(), vocabulary.merges.end());
  writer.set(key_of("merges"), std::span<const std::string_view>(merges));
}

void write_special(const CollectedVocabulary& vocabulary, SpecialTokenIds special, GgufWriter& writer) {
  // What is not said is not done, where the pre-tokenizer's name alone would add it.
  const PreTokenizerSpec* spec =
      vocabulary.kind == VocabularyKind::byte_level ? find_pre_tokenizer(vocabulary.pre_tokenizer) : nullptr;
  if (spec != nullptr && spec->add_bos) special.are_added.try_emplace("bos", false);
  // A byte-level vocabulary has no token that is one without being named, and readers refuse to add what is not there.
  for (auto& [role, is_added] : special.are_added) {
    if (vocabulary.kind == VocabularyKind::byte_level) is_added = is_added && special.ids.contains(role);
  }
  if (vocabulary.kind == VocabularyKind::unigram) {  // whose readers add EOS
    special.are_added.try_emplace("bos", vocabulary.adds_bos && special.ids.contains("bos"));
    special.are_added.try_emplace("eos", false);
  }
  for (const auto& [role, key] : kRoleKeys) {
    const auto found = special.ids.find(role);
    if (found != special.ids.end()) writer.set(key_of(key), found->second);
  }
  for (const auto& [role, is_added] : special.are_added) writer.set(key_of("add_" + role + "_token"), is_added);
  const auto lowercase = special.lowercase ? special.lowercase : vocabulary.lowercase;
  if (lowercase) writer.set(key_of("normalizer.lowercase"), *lowercase);
  if (special.strip_accents) writer.set(key_of("normalizer.strip_accents"), *special.strip_accents);
}

void write_spaces(const CollectedVocabulary& vocabulary, const CheckpointFiles& files, const VocabularyRules& rules,
                  GgufWriter& writer) {
  std::optional<bool> prefix = vocabulary.add_space_prefix;
  if (rules.config_has_space_prefix) {
    if (const auto flag = find_flag(files.tokenizer_config, "add_prefix_space")) prefix = flag;
  }
  if (prefix) writer.set(key_of("add_space_prefix"), *prefix);
  if (vocabulary.remove_extra_whitespaces)
    writer.set(key_of("remove_extra_whitespaces"), *vocabulary.remove_extra_whitespaces);
  if (vocabulary.precompiled_charsmap.empty()) return;
  const auto* bytes = reinterpret_cast<const uint8_t*>(vocabulary.precompiled_charsmap.data());
  writer.set(key_of("precompiled_charsmap"), std::span<const uint8_t>(bytes, vocabulary.precompiled_charsmap.size()));
}

void write_rules(const VocabularyRules& rules, const CheckpointTokens& tokens, GgufWriter& writer) {
  for (const VocabularyValue& rule : rules.values) {
    if (rule.vocabulary_size != 0 && rule.vocabulary_size != tokens.size()) continue;
    if (const bool* flag = std::get_if<bool>(&rule.value)) {
      writer.set(key_of(rule.key), *flag);
    } else if (const uint32_t id = std::get<uint32_t>(rule.value); tokens.contains(id)) {
      writer.set(key_of(rule.key), id);
    }
  }
}

// Of encoders: how many kinds of text the embedding tells apart.
uint32_t token_type_count(const Json& config) {
  const Json* value = find_member(config, "type_vocab_size");
  return value != nullptr && value->is_number_unsigned() && value->get<uint64_t>() <= UINT32_MAX
             ? value->get<uint32_t>()
             : 1;
}

}  // namespace

void write_vocabulary(const std::string& folder, const ArchSpec& spec, const Json& config, uint32_t vocabulary_size,
                      GgufWriter& writer, std::string_view pre_tokenizer) {
  const CheckpointFiles files = read_checkpoint_files(folder);
  CollectedVocabulary vocabulary = collect_vocabulary(files, spec.vocabulary, vocabulary_size, pre_tokenizer);
  require_use(vocabulary, folder, pre_tokenizer);
  const SpecialTokenIds special = find_special_tokens(files, config, vocabulary.tokens, vocabulary.roles);
  vocabulary.tokens.pad(vocabulary.has_scores() ? kPaddingScore : 0);
  if (vocabulary.kind == VocabularyKind::word_piece) mark_word_beginnings(vocabulary.tokens);
  write_tokens(vocabulary, writer);
  write_special(vocabulary, special, writer);
  write_spaces(vocabulary, files, spec.vocabulary, writer);
  write_rules(spec.vocabulary, vocabulary.tokens, writer);
  const bool tells_texts_apart =
      vocabulary.kind == VocabularyKind::word_piece || vocabulary.kind == VocabularyKind::unigram;
  if (spec.head == Head::none && tells_texts_apart) writer.set(key_of("token_type_count"), token_type_count(config));
  write_chat_templates(files, writer);
}

}  // namespace thimble

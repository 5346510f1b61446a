#include "compress/special_token_ids.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "format/json_text.h"
#include "text/special_tokens.h"

namespace thimble {
namespace {

using Json = nlohmann::json;
using Text = std::optional<std::string>;

constexpr std::array<std::string_view, 7> kRoles = {"bos", "eos", "unk", "sep", "pad", "cls", "mask"};

std::string key_of(std::string_view role) { return std::string(role) + "_token"; }

class Finder {
 public:
  Finder(const CheckpointFiles& files, const Json& config, const CheckpointTokens& tokens,
         std::span<const RoleText> defaults)
      : files_(files), config_(config), tokens_(tokens), defaults_(defaults) {}

  SpecialTokenIds find() {
    read_texts();
    if (files_.definition) {
      read_normalizer();
      read_post_processor();
    }
    for (const std::string_view role : {"bos", "eos", "sep"}) {
      const auto flag = find_flag(files_.tokenizer_config, "add_" + key_of(role));
      if (flag) out_.are_added.try_emplace(std::string(role), *flag);
    }
    resolve_texts();
    for (const auto& [role, text] : texts_) set_id(role, config_id(role));
    resolve_leftovers();
    resolve_ends();
    out_.ids.erase("cls");
    return std::move(out_);
  }

 private:
  Text& text(std::string_view role) { return texts_[std::string(role)]; }

  void read_texts() {
    for (const std::string_view role : kRoles) {
      const Json* value = find_member(files_.tokenizer_config, key_of(role));
      if (value == nullptr) continue;
      if (value->is_string()) text(role) = value->get<std::string>();
      if (const auto content = find_text(*value, "content")) text(role) = std::string(*content);
    }
    for (const std::string_view role : kRoles) text(role);
    if (!text("bos") && text("cls")) text("bos") = text("cls");
    if (!text("eos") && text("sep")) text("eos") = text("sep");
  }

  void read_normalizer() {
    for (const Json* part : parts_of_sequence(files_.definition->part("normalizer"), "normalizers")) {
      const auto type = find_text(*part, "type").value_or("");
      if (type == "Lowercase") out_.lowercase = true;
      if (type == "StripAccents") out_.strip_accents = true;
      if (type != "BertNormalizer") continue;
      if (const auto flag = find_flag(*part, "lowercase")) out_.lowercase = flag;
      if (const auto flag = find_flag(*part, "strip_accents")) out_.strip_accents = flag;
    }
  }

  void read_post_processor() {
    for (const Json* part : parts_of_sequence(files_.definition->part("post_processor"), "processors")) {
      const auto type = find_text(*part, "type").value_or("");
      if (type == "ByteLevel") {
        out_.are_added.try_emplace("bos", false);
        out_.are_added.try_emplace("eos", false);
      } else if (type == "RobertaProcessing" || type == "BertProcessing") {
        read_pair_processor(*part);
      } else if (type == "TemplateProcessing") {
        read_template(*part);
      }
    }
  }

  // {"sep": [text, id], "cls": [text, id]}: both stand around a text, and sep between two.
  void read_pair_processor(const Json& part) {
    for (const std::string_view role : {"bos", "eos", "sep"}) out_.are_added[std::string(role)] = true;
    for (const std::string_view role : {"cls", "sep"}) {
      const Json* pair = find_member(part, role);
      if (text(role) || pair == nullptr || !pair->is_array() || pair->empty() || !(*pair)[0].is_string()) continue;
      text(role) = (*pair)[0].get<std::string>();
    }
  }

  // The text of the special token at one end of a template, and of a sequence's name in the middle.
  static Text member_id(const Json& piece, std::string_view kind) {
    const Json* found = find_member(piece, kind);
    const auto id = found == nullptr ? std::nullopt : find_text(*found, "id");
    return id ? Text(*id) : std::nullopt;
  }

  void read_template(const Json& part) {
    const Json* single = find_member(part, "single");
    Text first;
    Text last;
    if (single != nullptr && single->is_array() && single->size() > 1) {
      first = member_id(single->front(), "SpecialToken");
      last = member_id(single->back(), "SpecialToken");
    }
    if (first) {
      if (!text("bos")) text("bos") = first;
      if (!text("cls")) text("cls") = first;
      out_.are_added["bos"] = first == text("bos") || first == text("cls");
    }
    if (last) {
      if (text("eos") && last != text("eos")) {
        // The configuration's end is that of an answer then.
        text(text("eot") ? "eom" : "eot") = text("eos");
      }
      text("eos") = last;
      out_.are_added["eos"] = true;
    }
    const Json* pair = find_member(part, "pair");
    if (pair != nullptr && pair->is_array() && !pair->empty()) read_pair(*pair, first, last);
  }

  // "[first] A [sep] [sep] B [last]"
  void read_pair(const Json& pair, const Text& first, const Text& last) {
    size_t begin = first && member_id(pair.front(), "SpecialToken") == first ? 1 : 0;
    size_t end = last && member_id(pair.back(), "SpecialToken") == last ? pair.size() - 1 : pair.size();
    if (begin + 2 >= end) return;
    if (member_id(pair[begin], "Sequence") != "A" || member_id(pair[--end], "Sequence") != "B") return;
    ++begin;
    bool adds = false;
    const auto separates = [&](const Text& token) { return token && (token == text("sep") || token == text("eos")); };
    if (separates(member_id(pair[begin], "SpecialToken")) && !last) adds = true;
    if (end - begin == 2 && separates(member_id(pair[begin + 1], "SpecialToken"))) adds = true;
    out_.are_added["sep"] = adds;
    if (adds && !text("sep")) text("sep") = text("eos");
  }

  void set_id(const std::string& role, std::optional<uint64_t> id) {
    if (id && tokens_.contains(*id)) out_.ids.try_emplace(role, static_cast<uint32_t>(*id));
  }

  void resolve_texts() {
    if (!files_.definition) return;
    for (const auto& [role, text] : texts_) {
      const auto& added = files_.definition->added;
      const auto found = std::ranges::find(added, text, &AddedToken::text);
      if (found != added.end()) set_id(role, found->id);
    }
  }

  std::optional<uint64_t> config_id(const std::string& role) const {
    const std::string key = key_of(role) + "_id";
    const Json* value = find_member(config_, key);
    const Json* inner = find_member(config_, "text_config");
    if ((value == nullptr || value->is_null()) && inner != nullptr) value = find_member(*inner, key);
    if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
    return value->get<uint64_t>();
  }

  void resolve_leftovers() {
    for (auto& [role, text] : texts_) {
      if (!text) text = files_.special_text(key_of(role));
    }
    for (const auto& [role, name] : defaults_) {
      if (!text(role)) text(role) = std::string(name);
    }
    if (!text("bos")) text("bos") = text("cls");
    if (!text("eos")) text("eos") = text("sep");
    for (const auto& [role, text] : texts_) {
      if (text) set_id(role, tokens_.find(*text));
    }
  }

  // The ids at which generation is to stop.
  std::vector<uint64_t> end_ids() const {
    std::vector<uint64_t> ids;
    for (const Json* file : {&files_.generation_config, &config_}) {
      const Json* value = find_member(*file, "eos_token_id");
      if (value == nullptr || !ids.empty()) continue;
      const Json list = value->is_array() ? *value : Json::array({*value});
      for (const Json& id : list) {
        if (id.is_number_unsigned() && tokens_.contains(id.get<uint64_t>())) ids.push_back(id.get<uint64_t>());
      }
    }
    return ids;
  }

  void resolve_ends() {
    for (const uint64_t id : end_ids()) {
      set_id("eos", id);
      const auto is_known = [&](std::string_view role) {
        const auto found = out_.ids.find(role);
        return found != out_.ids.end() && found->second == id;
      };
      if (ends_every_answer(tokens_[id].text) || is_known("eos") || is_known("eot") || is_known("eom")) continue;
      set_id(out_.ids.contains("eot") ? "eom" : "eot", id);
    }
  }

  const CheckpointFiles& files_;
  const Json& config_;
  const CheckpointTokens& tokens_;
  std::span<const RoleText> defaults_;
  std::map<std::string, Text, std::less<>> texts_;
  SpecialTokenIds out_;
};

}  // namespace

SpecialTokenIds find_special_tokens(const CheckpointFiles& files, const Json& config, const CheckpointTokens& tokens,
                                    std::span<const RoleText> defaults) {
  return Finder(files, config, tokens, defaults).find();
}

}  // namespace thimble

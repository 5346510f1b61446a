#include "app/completion.h"

#include <fmt/ranges.h>

#include <set>

#include "app/verbs.h"

namespace thimble {
namespace {

std::vector<std::string> words_of(const OptionTable& options) {
  std::vector<std::string> words;
  for (const OptionSpec& spec : options.specs()) {
    if (!spec.is_positional()) words.insert(words.end(), spec.names.begin(), spec.names.end());
  }
  return words;
}

// A text in single quotes, as all three shells read it.
std::string double_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// What bash is to offer after each of the verb's options that take a value, as branches of a case.
std::string bash_values(const OptionTable& options) {
  std::string out;
  for (const OptionSpec& spec : options.specs()) {
    if (spec.is_flag() || spec.is_positional()) continue;
    std::string reply = "COMPREPLY=()";
    if (spec.is_path) reply = "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\"))";
    if (!spec.choices.empty())
      reply = fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))", fmt::join(spec.choices, " "));
    out += fmt::format("        {}) {}; return ;;\n", fmt::join(spec.names, "|"), reply);
  }
  return out;
}

// The first words of all verbs, each once.
std::vector<std::string> first_words() {
  std::vector<std::string> words;
  for (const Verb* verb : all_verbs()) {
    std::string word(verb->name.substr(0, verb->name.find(' ')));
    if (words.empty() || words.back() != word) words.push_back(std::move(word));
  }
  return words;
}

// "eval" -> "perplexity ...", for verbs of two words.
std::vector<std::string> second_words(std::string_view first) {
  std::vector<std::string> words;
  for (const Verb* verb : all_verbs()) {
    if (verb->name.starts_with(std::string(first) + " ")) words.emplace_back(verb->name.substr(first.size() + 1));
  }
  return words;
}

std::string positional_words(const OptionTable& options) {
  for (const OptionSpec& spec : options.specs()) {
    if (spec.is_positional() && !spec.choices.empty()) return fmt::format("{}", fmt::join(spec.choices, " "));
  }
  return {};
}

std::string zsh_option(const OptionSpec& spec, const std::string& name) {
  std::string help;
  for (const char c : spec.help)
    help += c == '[' || c == ']' || c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  std::string text = "*" + name + "[" + help + "]";
  if (!spec.is_flag()) {
    text += ":" + spec.placeholder + ":";
    if (!spec.choices.empty()) text += fmt::format("({})", fmt::join(spec.choices, " "));
    if (spec.is_path) text += "_files";
  }
  return double_quoted(text);
}

}  // namespace

std::string bash_completion() {
  std::string out = "# bash completion for thimble: source <(thimble completion bash)\n_thimble() {\n";
  out += "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}\n";
  out +=
      fmt::format("  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n    return\n  fi\n",
                  fmt::join(first_words(), " "));
  out += "  case $verb in\n";
  for (const std::string& first : first_words()) {
    if (const auto second = second_words(first); !second.empty()) {
      out += fmt::format(
          "    {}) if ((COMP_CWORD == 2)); then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi\n"
          "      verb=\"$verb ${{COMP_WORDS[2]}}\" ;;\n",
          first, fmt::join(second, " "));
    }
  }
  out += "  esac\n  case $verb in\n";
  for (const Verb* verb : all_verbs()) {
    const VerbInstance instance(*verb);
    const std::string positional = positional_words(instance.options);
    out += fmt::format("    {})\n      case $previous in\n{}      esac\n", double_quoted(verb->name),
                       bash_values(instance.options));
    out += fmt::format("      COMPREPLY=($(compgen -W '{}{}{}' -- \"$word\")) ;;\n", positional,
                       positional.empty() ? "" : " ", fmt::join(words_of(instance.options), " "));
  }
  return out + "  esac\n}\ncomplete -o bashdefault -o default -F _thimble thimble\n";
}

std::string zsh_completion() {
  std::string out = "#compdef thimble\n# zsh completion for thimble: source <(thimble completion zsh)\n_thimble() {\n";
  out += "  local -a verbs\n  verbs=(\n";
  for (const Verb* verb : all_verbs()) {
    if (verb->name.find(' ') == std::string_view::npos) {
      out += "    " + double_quoted(std::string(verb->name) + ":" + std::string(verb->summary)) + "\n";
    }
  }
  for (const std::string& first : first_words()) {
    if (!second_words(first).empty()) out += "    " + double_quoted(first) + "\n";
  }
  out +=
      "  )\n  if ((CURRENT == 2)); then\n    _describe verb verbs\n    return\n  fi\n  local verb=$words[2]\n  case "
      "$verb in\n";
  for (const std::string& first : first_words()) {
    if (const auto second = second_words(first); !second.empty()) {
      out += fmt::format(
          "    {})\n      if ((CURRENT == 3)); then\n        compadd {}\n        return\n      fi\n"
          "      verb=\"$verb $words[3]\"\n      shift words\n      ((CURRENT--)) ;;\n",
          first, fmt::join(second, " "));
    }
  }
  out += "  esac\n  shift words\n  ((CURRENT--))\n  case $verb in\n";
  for (const Verb* verb : all_verbs()) {
    const VerbInstance instance(*verb);
    out += fmt::format("    {})\n      _arguments", double_quoted(verb->name));
    for (const OptionSpec& spec : instance.options.specs()) {
      if (spec.is_positional()) {
        const std::string values = spec.choices.empty() ? "_files" : fmt::format("({})", fmt::join(spec.choices, " "));
        out += " \\\n        " + double_quoted(":" + spec.names[0] + ":" + values);
        continue;
      }
      for (const std::string& name : spec.names) out += " \\\n        " + zsh_option(spec, name);
    }
    out += " ;;\n";
  }
  return out +
         "  esac\n}\nif [[ $funcstack[1] = _thimble ]]; then _thimble \"$@\"; else compdef _thimble thimble; fi\n";
}

std::string fish_completion() {
  std::string out = "# fish completion for thimble: thimble completion fish | source\ncomplete -c thimble -f\n";
  std::set<std::string> described;
  for (const Verb* verb : all_verbs()) {
    const size_t blank = verb->name.find(' ');
    const std::string first(verb->name.substr(0, blank));
    std::string condition = "__fish_seen_subcommand_from " + first;
    if (blank == std::string_view::npos) {
      out += fmt::format("complete -c thimble -n __fish_use_subcommand -a {} -d {}\n", first,
                         double_quoted(verb->summary));
    } else {
      const std::string second(verb->name.substr(blank + 1));
      if (described.insert(first).second)
        out += fmt::format("complete -c thimble -n __fish_use_subcommand -a {}\n", first);
      out += fmt::format("complete -c thimble -n {} -a {} -d {}\n", double_quoted(condition), second,
                         double_quoted(verb->summary));
      condition += "; and __fish_seen_subcommand_from " + second;
    }
    const VerbInstance instance(*verb);
    for (const OptionSpec& spec : instance.options.specs()) {
      out += "complete -c thimble -n " + double_quoted(condition);
      for (const std::string& name : spec.names) {
        if (name.starts_with("--")) {
          out += " -l " + name.substr(2);
        } else if (name.starts_with("-")) {
          out += (name.size() == 2 ? " -s " : " -o ") + name.substr(1);
        }
      }
      if (!spec.is_flag() && !spec.is_positional()) out += spec.is_path ? " -r -F" : " -x";
      if (!spec.choices.empty()) out += " -a " + double_quoted(fmt::format("{}", fmt::join(spec.choices, " ")));
      out += " -d " + double_quoted(spec.help) + "\n";
    }
  }
  return out;
}

}  // namespace thimble

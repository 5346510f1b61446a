#include "app/verbs.h"

#include <algorithm>

namespace thimble {

// Each in its own file.
extern const Verb kChat, kGenerate, kTokenize, kLogits, kInfo, kPlan, kPull, kList, kRm, kBench, kEvalPerplexity,
    kEmbed, kIndex, kAsk, kQuantize, kEvalKld, kEvalHellaswag, kEvalWinogrande, kEvalMultipleChoice, kImatrix, kConvert,
    kExport, kTune, kMerge, kCommand, kEvalTask, kSummarize, kServe, kHelp, kVersion, kCompletion, kMan;

namespace {

constexpr const Verb* kVerbs[] = {&kChat,
                                  &kGenerate,
                                  &kTokenize,
                                  &kLogits,
                                  &kInfo,
                                  &kPlan,
                                  &kPull,
                                  &kList,
                                  &kRm,
                                  &kBench,
                                  &kEvalPerplexity,
                                  &kEmbed,
                                  &kIndex,
                                  &kAsk,
                                  &kQuantize,
                                  &kEvalKld,
                                  &kEvalHellaswag,
                                  &kEvalWinogrande,
                                  &kEvalMultipleChoice,
                                  &kImatrix,
                                  &kConvert,
                                  &kExport,
                                  &kTune,
                                  &kMerge,
                                  &kCommand,
                                  &kEvalTask,
                                  &kSummarize,
                                  &kServe,
                                  &kHelp,
                                  &kVersion,
                                  &kCompletion,
                                  &kMan};

}  // namespace

std::span<const Verb* const> all_verbs() { return kVerbs; }

const Verb* find_verb(std::string_view name) {
  const auto found = std::ranges::find(kVerbs, name, [](const Verb* verb) { return verb->name; });
  return found == std::end(kVerbs) ? nullptr : *found;
}

VerbInstance::VerbInstance(const Verb& verb_to_make) : verb(verb_to_make), command(verb.make()) {
  command->declare(options);
  options.heading("Help");
  options.flag("-h,--help", help, "Show this help").without_environment();
}

}  // namespace thimble

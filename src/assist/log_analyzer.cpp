#include "assist/log_analyzer.h"

#include <algorithm>

#include "text/hash.h"

namespace thimble {
namespace {

constexpr int64_t kLeastJump = 60'000;  // of the clock, and of a gap, in milliseconds
constexpr size_t kMostKnown = 8192;
constexpr size_t kMostBeats = 256;
constexpr size_t kMostWords = 4096;  // whose use is counted
constexpr uint32_t kLeastKinds = 12;
constexpr size_t kMostShapes = 1024;
constexpr size_t kHeaderLines = 64;  // among which a table's header is looked for before a window
constexpr double kGapBeats = 4.5;

}  // namespace

void LogAnalyzer::feed(std::string_view bytes) {
  if (is_past_window()) return;
  facts_.bytes += bytes.size();
  lines_.feed(bytes, [&](std::string_view line, bool is_cut) { take_line(line, is_cut); });
}

void LogAnalyzer::take_line(std::string_view line, bool is_cut) {
  ++line_;
  if (line_ > window_.last_line) return;
  if (line_ < window_.first_line) {
    if (line_ <= kHeaderLines) parser_.learn(line);
    return;
  }
  if (facts_.lines++ == 0) facts_.first_line = line_;
  facts_.last_line = line_;
  facts_.cut_lines += is_cut ? 1 : 0;
  record_.line = line_;
  parser_.parse(line, record_);
  ++facts_.levels[static_cast<size_t>(record_.level)];
  const LogPlace place{line_, record_.time};
  if (record_.time) follow_clock(place);
  if (record_.is_continuation) {
    incidents_.take_continuation(place);
  } else if (record_.is_readings) {
    take_readings();
  } else if (!record_.message.empty()) {
    take_message();
  }
  if (record_.time) last_ = place;
}

void LogAnalyzer::follow_clock(LogPlace place) {
  if (!facts_.first_time) {
    facts_.first_time = place.time;
    facts_.rate.first_time = *place.time;
  } else if (*place.time < *last_.time - kLeastJump) {
    incidents_.take_clock_jump(last_, place);
  }
  facts_.last_time = std::max(facts_.last_time.value_or(*place.time), *place.time);
  facts_.rate.add(*place.time);
}

void LogAnalyzer::take_readings() {
  uint64_t shape = record_.fields.size();
  for (const LogField& field : record_.fields) shape = mix(shape + hash_text(field.name));
  auto found = shapes_.find(shape);
  if (found == shapes_.end()) {
    masked_ = "(readings)";
    for (const LogField& field : record_.fields) masked_.append(" ").append(field.name);
    if (shapes_.size() == kMostShapes) shapes_.clear();
    found = shapes_.emplace(shape, templates_.find(masked_)).first;
  }
  const LogPlace place{line_, record_.time};
  templates_.count(found->second, line_, record_.level, record_.time);
  series_.add(record_);
  if (!record_.state.empty()) incidents_.take_state(record_.state, place);
  if (!record_.missing.empty() && series_.knows(record_.missing, record_.state)) {
    incidents_.take_missing(record_.missing, place);
  }
  if (!place.time) return;
  follow_beat(found->second, last_readings_, place);
  last_readings_ = place;
}

// A gap is where what comes regularly did not come, nor anything like it: `last_alike` is the last line that would be.
void LogAnalyzer::follow_beat(uint32_t template_id, LogPlace last_alike, LogPlace place) {
  if (beats_.size() == kMostBeats && !beats_.contains(template_id)) return;
  Beat& beat = beats_[template_id];
  const LogPlace before = beat.last;
  beat.last = place;
  if (!before.time) return;
  const int64_t interval = *place.time - *before.time;
  if (interval < 0) {
    beat.count = 0;
    return;
  }
  if (beat.count >= Beat::kIntervals / 2) {
    int64_t sorted[Beat::kIntervals];
    const size_t kept = std::min(beat.count, Beat::kIntervals);
    std::copy_n(beat.intervals, kept, sorted);
    std::sort(sorted, sorted + kept);
    const int64_t usual = sorted[kept / 2];
    const bool is_regular = sorted[kept - 1] <= 3 * usual;
    if (is_regular && interval >= kLeastJump &&
        static_cast<double>(interval) > kGapBeats * static_cast<double>(usual)) {
      if (before.line == last_alike.line) incidents_.take_gap(before, place);
      return;  // it says nothing of how often they come
    }
  }
  beat.intervals[beat.count++ % Beat::kIntervals] = interval;
}

// Words that a quarter of all kinds of messages have say who wrote, not what about.
LogSignal LogAnalyzer::read_new_message() {
  LogSignal signal = read_signal(record_.message, record_.level, record_.is_operator);
  ++kinds_;
  for (const std::string& word : subject_words(record_.message)) {
    if (word_use_.size() < kMostWords || word_use_.contains(word)) ++word_use_[word];
  }
  if (kinds_ < kLeastKinds) return signal;
  std::erase_if(signal.words, [&](const std::string& word) {
    const auto use = word_use_.find(word);
    return use != word_use_.end() && use->second * 4 > kinds_;
  });
  return signal;
}

void LogAnalyzer::take_message() {
  masked_.clear();
  append_masked(masked_, record_.message);
  const uint64_t key =
      mix(hash_text(masked_) + static_cast<uint64_t>(record_.level) * 2 + (record_.is_operator ? 1 : 0));
  auto found = known_.find(key);
  if (found == known_.end()) {
    if (known_.size() == kMostKnown) known_.clear();
    found = known_.emplace(key, Known{templates_.find(masked_), read_new_message()}).first;
  }
  const Known& known = found->second;
  templates_.count(known.template_id, line_, record_.level, record_.time);
  const LogSignal& signal = known.signal;
  if (signal.sort == LogSignal::Sort::routine) {
    if (record_.time) follow_beat(known.template_id, last_, {line_, record_.time});
    return;
  }
  const uint64_t same = signal.code.empty() ? mix(known.template_id + 1) : hash_text(signal.code);
  incidents_.take(signal, same, record_.message, {line_, record_.time});
}

LogFacts LogAnalyzer::finish() {
  lines_.finish([&](std::string_view line, bool is_cut) { take_line(line, is_cut); });
  facts_.events = incidents_.finish(series_.finish(), facts_.dropped_events);
  facts_.templates = templates_.top(kTopTemplates);
  facts_.all_templates = templates_.size();
  return std::move(facts_);
}

}  // namespace thimble

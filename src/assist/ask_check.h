// What can be said of an answer by reading it beside its sources: whether it is a refusal, and whether they bear it out.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

// A word of words_of_text() without its ending and shortened, so that forms of a word are the same; one with a digit is
// whole, without commas.
std::string stem_of(const std::string& word);
// Of the words of a text that say something: no function words.
std::set<std::string> word_stems(std::string_view text);

// It says that the answer is not there, in one of the usual ways.
bool reads_as_refusal(std::string_view answer);

struct Support {
  double words = 1;             // share of the answer's stems that are in the sources or the question
  bool has_all_numbers = true;  // every word with a digit in it is there too, and before the same unit
  bool adds_nothing = false;    // it has no stem that the question has not, and is no yes or no
};
Support support_of(std::string_view answer, std::string_view sources, std::string_view question);

// A run of four words that is there twice: small models go round in circles.
bool repeats_itself(std::string_view answer);
// "How many", "how long" and their like: nothing without a digit answers them.
bool asks_for_number(std::string_view question);

// The share of `stems` that `text` has; 1 where there are none.
double covered(const std::set<std::string>& stems, const std::set<std::string>& text);

// Of runs of three words: shared by all (Jaccard). Texts of fewer words are alike where they are equal.
double likeness(std::string_view a, std::string_view b);

// The numbers in brackets that an answer gives its sources with: "[2]", "[1, 3]", each once, in order, from 1 to `count`.
std::vector<size_t> cited_numbers(std::string_view answer, size_t count);
std::string without_citations(std::string_view answer);

}  // namespace thimble

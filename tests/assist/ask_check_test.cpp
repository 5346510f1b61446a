// What is said of an answer beside its sources.
#include "assist/ask_check.h"

#include <gtest/gtest.h>

#include "assist/ask_evidence.h"

namespace thimble {
namespace {

constexpr std::string_view kSources =
    "[1] Pump > 3.2 Limits\nVibration | 4.5 mm/s | 7.1 mm/s\nMass | 1,620 kg\nClose valves V-51 and V-52 and lock "
    "them. Code E12.\n";

bool has_all_numbers(std::string_view answer) {
  return support_of(answer, kSources, "At what speed of 50 rpm?").has_all_numbers;
}

TEST(AskCheck, NumbersMustBeInTheSourcesOrTheQuestion) {
  EXPECT_TRUE(has_all_numbers("It trips at 7.1 mm/s."));
  EXPECT_TRUE(has_all_numbers("1620 kg, or 1,620 kg at 50 rpm"));
  EXPECT_TRUE(has_all_numbers("E12: valve V-51"));
  EXPECT_TRUE(has_all_numbers("no number at all"));
  EXPECT_FALSE(has_all_numbers("It trips at 7.2 mm/s."));
  EXPECT_FALSE(has_all_numbers("17.1"));
  EXPECT_FALSE(has_all_numbers("E120"));
  EXPECT_FALSE(has_all_numbers("valve V-53"));
  EXPECT_FALSE(has_all_numbers("It trips at 7.1 bar.")) << "a number with another unit";
  EXPECT_TRUE(has_all_numbers("from 4.5 to 7.1 mm/s"));
}

TEST(AskCheck, CirclesAndAnswersOfTheWrongKind) {
  EXPECT_TRUE(repeats_itself("The belt is run by the belt. So the belt is run by it."));
  EXPECT_FALSE(repeats_itself("The belt is run by the drum, the belt is not run by hand."));
  EXPECT_TRUE(asks_for_number("From standby, how long until READY?"));
  EXPECT_FALSE(asks_for_number("How do I vent it?"));
}

TEST(AskCheck, WordsAreComparedByTheirStems) {
  EXPECT_DOUBLE_EQ(support_of("locked valve", kSources, "").words, 1);
  EXPECT_DOUBLE_EQ(support_of("purple elephant valve vibrations", kSources, "").words, 0.5);
  EXPECT_DOUBLE_EQ(support_of("", kSources, "").words, 1);
}

TEST(AskCheck, RefusalsInTheUsualWords) {
  EXPECT_TRUE(reads_as_refusal("The manuals do not say."));
  EXPECT_TRUE(reads_as_refusal("I'm sorry, but I can't answer that"));
  EXPECT_TRUE(reads_as_refusal("This is NOT SPECIFIED in section 3"));
  EXPECT_FALSE(reads_as_refusal("Do not open the valve."));
}

TEST(AskCheck, CitationsAreNumbersOfSources) {
  EXPECT_EQ(cited_numbers("It is 5 [2], see [1, 3] and [2].", 3), (std::vector<size_t>{2, 1, 3}));
  EXPECT_EQ(cited_numbers("[0] [4] [] [a] [1 2 [3", 3), std::vector<size_t>{});
  EXPECT_EQ(cited_numbers("[99999999999999999999]", 3), std::vector<size_t>{});
  EXPECT_EQ(without_citations("It is 5 bar [2]. See [a], [1, 3] end [3]"), "It is 5 bar. See [a], end");
}

TEST(AskCheck, LikenessIsOfRunsOfThreeWords) {
  EXPECT_DOUBLE_EQ(likeness("a b c d", "a b c d"), 1);
  EXPECT_DOUBLE_EQ(likeness("a b c d", "x y z"), 0);
  EXPECT_DOUBLE_EQ(likeness("a b c d", "a b c e"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(likeness("a", "a"), 1);
  EXPECT_DOUBLE_EQ(likeness("", "b"), 0);
}

TEST(AskEvidence, LinesAreSentencesStepsAndRowsWithTheirColumns) {
  EXPECT_EQ(evidence_lines("Motor runs. Stop it; Then wait 2.5 s. it\n2. Lock it. Tag it.\nJoint | Torque\nFeet | 120 "
                           "Nm\nCode | Cause | Help\nE1 | "
                           "Dirt | Clean\nE2 |  | None"),
            (std::vector<std::string>{"Motor runs.", "Stop it;", "Then wait 2.5 s. it", "2. Lock it.", "Tag it.",
                                      "Feet: 120 Nm", "E1: Cause Dirt, Help Clean", "E2: Help None"}));
}

TEST(AskEvidence, TheLineThatHasTheQuestionsWordsIsTheFirst) {
  std::vector<Retrieved> chunks(2);
  chunks[0].stored.chunk = {"3 Data", "Pump > 3 Data", "Property | Value\nMass | 400 kg\nOil filling | 16 litres", 1,
                            3};
  chunks[1].stored.chunk = {"6 Oil", "Pump > 6 Oil", "Drain the oil.", 5, 6};
  const std::vector<QuestionWord> question = {{stem_of("oil"), 1}, {stem_of("filled"), 2}, {stem_of("purple"), 1}};
  const Evidence evidence = find_evidence(question, chunks);
  EXPECT_DOUBLE_EQ(evidence.coverage, 0.75);
  ASSERT_EQ(evidence.lines.size(), 2u);
  EXPECT_EQ(evidence.lines[0].text, "Oil filling: 16 litres");
  EXPECT_EQ(evidence.lines[1].source, 1u);
  EXPECT_TRUE(find_evidence({}, chunks).lines.empty());
}

}  // namespace
}  // namespace thimble

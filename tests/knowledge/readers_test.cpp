// Documents of every format to headings, lists, tables and text; what is hostile is refused by name.
#include "knowledge/readers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "knowledge/chunker.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

// One block a line: its kind, its level or header, its pieces with their lines.
std::string outline(const Document& document) {
  std::string out;
  for (const Block& block : document.blocks) {
    constexpr std::string_view kKinds[] = {"h", "p", "list", "table", "code"};
    out += kKinds[static_cast<size_t>(block.kind)];
    if (block.level > 0) out += std::to_string(block.level);
    if (!block.header.empty()) out += " <" + block.header + ">";
    for (const Piece& piece : block.pieces) {
      out += " {" + piece.text + "}" + std::to_string(piece.first);
      if (piece.last != piece.first) out += "-" + std::to_string(piece.last);
    }
    out += "\n";
  }
  return out;
}

std::string reason_of(const std::string& name, std::string_view bytes, const ReadLimits& limits = {}) {
  try {
    read_document(name, bytes, limits);
  } catch (const Unreadable& reason) {
    return reason.what();
  }
  return "read";
}

TEST(Markdown, StructureIsKeptAndMarksGo) {
  EXPECT_EQ(
      outline(read_markdown("# Pump *CP-40* #\n\nTwo **bold**\nlines, a [link](x.html) and `code`.\n\nUnder\n=====\n"
                            "## 2 Safety\n1. Stop\n   the pump.\n2. Lock it.\n\n- one\n* two\n\nafter\n")),
      "h1 {Pump CP-40}1\n"
      "p {Two bold lines, a link and code.}3-4\n"
      "h1 {Under}6\n"
      "h2 {2 Safety}8\n"
      "list {1. Stop the pump.}9-10 {2. Lock it.}11 {- one}13 {two}14\n"
      "p {after}16\n");
}

TEST(Markdown, TablesHaveTheirHeader) {
  EXPECT_EQ(outline(read_markdown("| Code | Cause |\n|---|:--:|\n| E01 | a \\| b |\n| E02 | *c* |\nafter\n")),
            "table <Code | Cause> {E01 | a | b}3 {E02 | c}4\np {after}5\n");
}

TEST(Markdown, WhatIsFencedIsNoHeading) {
  EXPECT_EQ(outline(read_markdown("```\n# no heading\n| a |\n```\n# heading\n~~~ sh\nunclosed")),
            "code {# no heading}2 {| a |}3\nh1 {heading}5\ncode {unclosed}7\n");
}

TEST(Markdown, FrontMatterAndCommentsAreNoText) {
  EXPECT_EQ(outline(read_markdown("---\ntitle: x\n---\ntext\n")), "p {text}4\n");
  EXPECT_EQ(outline(read_markdown("<!-- note -->\n---\ntext\n")), "p {text}3\n");
}

TEST(PlainText, NumberedAndUnderlinedLinesThatStandAloneAreHeadings) {
  EXPECT_EQ(outline(read_plain_text(
                "Manual\n======\n\n1 General\n\nText of\ntwo lines.\n\n4.2. Speed\n\n1. Press.\n2. Wait\n   long.\n\n"
                "5 bar of pressure\n\n3 Apples and pears.\n")),
            "h1 {Manual}1\nh1 {1 General}4\np {Text of two lines.}6-7\nh2 {4.2. Speed}9\nlist {1. Press.}11 {2. Wait "
            "long.}12-13\n"
            "p {5 bar of pressure}15\np {3 Apples and pears.}17\n");
}

TEST(Html, WhatABrowserShows) {
  const Document document = read_html(
      "<html><head><title>The &amp; "
      "title</title><style>h1{}</style></head><body><nav>Menu</nav>\n<h1>Oven</h1><p>One<br>two&deg;C "
      "<b>three</b><script>no()</script>\n<ol><li>First "
      "<p>part</li><li>Second<ul><li>inner</ul></ol>\n<table><caption>c</caption>"
      "<tr><th>Property<th>Value<tr><td>Zones<td>8, <i>top</i> and "
      "<table><tr><td>in</table></table>\n<pre>a\nb</pre><h2>End</h2>");
  EXPECT_EQ(document.title, "The & title");
  EXPECT_EQ(outline(document),
            "h1 {Oven}2\n"
            "p {One two\xc2\xb0"
            "C three}2\n"
            "list {1. First}3 {part}3 {2. Second}3\n"
            "list {- inner}3\n"
            "table <Property | Value> {Zones | 8, top and in}4\n"
            "code {a}5 {b}6\n"
            "h2 {End}6\n");
}

TEST(Html, DepthAndMemoryAreLimited) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  EXPECT_EQ(reason_of("deep.html", deep), "elements nested too deep");
  std::string ends;  // end tags of what is not open do not hide the depth
  for (int i = 0; i < 100'000; ++i) ends += "<div></b>";
  EXPECT_EQ(reason_of("ends.html", ends), "elements nested too deep");
  // Each paragraph opens anew what was never closed: 400 elements for three bytes.
  std::string bomb;
  for (int i = 0; i < 400; ++i) bomb += "<b a=" + std::to_string(i) + ">";
  for (int i = 0; i < 1'000'000; ++i) bomb += "<p>";
  EXPECT_EQ(reason_of("bomb.html", bomb), "elements nested too deep");
  bomb = "<p>";
  for (int i = 0; i < 400; ++i) bomb += "<b a=" + std::to_string(i) + ">";
  for (int i = 0; i < 100'000; ++i) bomb += "<p>x</p>";
  EXPECT_EQ(reason_of("bomb.html", bomb), "takes too much memory to parse");
  std::string list = "<ul>";  // items that are never closed are no depth
  for (int i = 0; i < 4'000; ++i) list += "<li>x";
  EXPECT_EQ(reason_of("list.html", list), "read");
}

TEST(Csv, DelimiterQuotesAndComments) {
  EXPECT_EQ(outline(read_csv("# export\ntime;state;msg\n1,5;RUN;\"a;\"\"b\"\"\nc\"\n\n2,5;OFF;\n")),
            "p {export}1\ntable <time | state | msg> {1,5 | RUN | a;\"b\" c}3-4 {2,5 | OFF |}6\n");
  EXPECT_EQ(outline(read_csv("a\tb\n1\t2\n")), "table <a | b> {1 | 2}2\n");
  EXPECT_EQ(outline(read_csv("name\nx\n\"never closed\n")), "table <name> {x}2 {never closed}3\n");
}

TEST(Documents, TheKindIsFoundAndWhatCannotBeReadIsNamed) {
  EXPECT_EQ(reason_of("a.md", ""), "empty");
  EXPECT_EQ(reason_of("a.txt", " \n\t\n"), "empty");
  EXPECT_EQ(reason_of("a.png", std::string_view("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16)), "binary");
  EXPECT_EQ(reason_of("a.txt", "\xff\xfeT\0"), "UTF-16; UTF-8 is expected");
  EXPECT_EQ(reason_of("a.pdf", "text"), "no PDF, whatever its name says");
  EXPECT_EQ(reason_of("a.pdf", "%PDF-1.4\nbroken"), "broken PDF");
  EXPECT_EQ(reason_of("a.txt", "12345", {.most_bytes = 4}), "longer than 0 MB");
  EXPECT_EQ(outline(read_document("NOTES.MD", "\xef\xbb\xbf# x")), "h1 {x}1\n");
  EXPECT_EQ(outline(read_document("README", "caf\xe9\n")), "p {caf\xef\xbf\xbd}1\n");
  EXPECT_EQ(outline(read_document("x.log", "a  b\n\nc\n")), "code {a b}1 {c}3\n");
}

TEST(Documents, OddTextTakesNoLongerThanItsLength) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string_view unit :
       {"[", "[](", "|", "*", "# ", "1. ", "<", "\"", ";", "`", "a b. ", "\n", "<li><dd>", "&#x"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += unit;
    for (const char* name : {"x.md", "x.txt", "x.csv", "x.log", "x.html"}) {
      try {
        make_chunks(read_document(name, text));
      } catch (const Unreadable&) {
      }
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 30) << "a MB of each takes some milliseconds";
}

// The manuals of FieldOps: three formats, and task files that name their headings.
std::string fieldops(const std::string& name) {
  return std::string(THIMBLE_TEST_DATA) + "/../../examples/fieldops/" + name;
}

TEST(Manuals, EveryHeadingThatATaskNamesHasAChunk) {
  size_t named = 0;
  for (const char* split : {"train", "validation"}) {
    std::istringstream lines(test::read_file(fieldops(std::string("tasks/questions.") + split + ".jsonl")));
    for (std::string line; std::getline(lines, line);) {
      const nlohmann::json task = nlohmann::json::parse(line);
      for (const char* key : {"sections", "also"}) {
        for (const nlohmann::json& section : task.value(key, nlohmann::json::array())) {
          const std::string path = section["path"], wanted = section["section"];
          const std::vector<Chunk> chunks =
              make_chunks(read_document(path, test::read_file(fieldops("manuals/" + path))));
          const bool found = std::ranges::any_of(chunks, [&](const Chunk& chunk) { return chunk.section == wanted; });
          EXPECT_TRUE(found) << path << ": " << wanted;
          ++named;
        }
      }
    }
  }
  EXPECT_GT(named, 100u);
}

// The PDF is made from this Markdown: the same headings in the same order, tables row by row, steps whole.
TEST(Manuals, ThePdfReadsAsTheMarkdownThatItWasMadeOf) {
  const Document pdf = read_document("c.pdf", test::read_file(fieldops("manuals/chiller-hx200.pdf")));
  const Document markdown = read_document("c.md", test::read_file(fieldops("sources/chiller-hx200.md")));
  EXPECT_TRUE(pdf.has_pages);
  std::vector<std::string> headings[2], rows[2], steps[2];
  const Document* documents[] = {&pdf, &markdown};
  for (size_t i = 0; i < 2; ++i) {
    for (const Block& block : documents[i]->blocks) {
      for (const Piece& piece : block.pieces) {
        if (block.kind == BlockKind::heading) headings[i].push_back(piece.text);
        if (block.kind == BlockKind::table) rows[i].push_back(piece.text);
        if (block.kind == BlockKind::list) steps[i].push_back(piece.text);
      }
    }
  }
  EXPECT_EQ(headings[0], headings[1]);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(steps[0], steps[1]);
}

}  // namespace
}  // namespace thimble

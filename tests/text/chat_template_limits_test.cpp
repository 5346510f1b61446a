// Hostile templates: each ends in an error within its limits, or in harmless text.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "text/chat_template.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

std::string refusal(const std::string& source, TemplateLimits limits = {}, const Json& context = Json::object()) {
  const auto begin = std::chrono::steady_clock::now();
  std::string message;
  try {
    ChatTemplate(source, limits).render(context);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    message = error.what();
  }
  // Twice the limit leaves room for a loaded machine and for sanitizers.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2 * limits.time + std::chrono::seconds(2))
      << source.substr(0, 200);
  return message;
}

std::string repeated(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

void expect_refused(const std::string& source, const std::string& reason) {
  EXPECT_NE(refusal(source).find(reason), std::string::npos) << source.substr(0, 200) << "\n" << refusal(source);
}

TEST(ChatTemplateLimits, NestedSource) {
  expect_refused("{{ " + repeated("(", 100'000) + "1" + repeated(")", 100'000) + " }}", "nested deeper");
  EXPECT_EQ(ChatTemplate("{{ " + repeated("(", 150) + "1" + repeated(")", 150) + " }}").render(Json::object()), "1");
  for (const size_t depth : {300, 5'000, 45'000}) {
    expect_refused("{{ " + repeated("(", depth) + "1" + repeated(")", depth) + " }}", "nested deeper");
    expect_refused("{{ " + repeated("[", depth) + repeated("]", depth) + " }}", "nested deeper");
    expect_refused("{{ " + repeated("{1:", depth) + "1" + repeated("}", depth) + " }}", "nested deeper");
    expect_refused("{{ " + repeated("-", depth) + "1 }}", "nested deeper");
    expect_refused("{{ " + repeated("not ", depth) + "1 }}", "nested deeper");
    expect_refused("{{ 1" + repeated("+1", depth) + " }}", "nested deeper");
    expect_refused("{{ x" + repeated(".x", depth) + " }}", "nested deeper");
    expect_refused("{{ x" + repeated("|upper", depth) + " }}", "nested deeper");
    expect_refused("{{ x" + repeated("[x", depth) + repeated("]", depth) + " }}", "nested deeper");
    expect_refused("{{ " + repeated("1 if 1 else ", depth) + "1 }}", "nested deeper");
    expect_refused(repeated("{% if 1 %}", depth) + repeated("{% endif %}", depth), "nested deeper");
    expect_refused(repeated("{% for x in y %}", depth), "nested deeper");
    expect_refused("{% for " + repeated("(", depth) + "a" + repeated(")", depth) + " in x %}{% endfor %}",
                   "nested deeper");
  }
}

TEST(ChatTemplateLimits, LongButFlatSourceIsFine) {
  EXPECT_EQ(ChatTemplate("{{ 0" + repeated(" or 0", 10'000) + " or 5 }}").render(Json::object()), "5");
  EXPECT_EQ(ChatTemplate("{{ ''" + repeated(" ~ 'a'", 1000) + " }}").render(Json::object()), repeated("a", 1000));
  const std::string chain = "{% if 0 %}" + repeated("{% elif 0 %}", 10'000) + "{% else %}x{% endif %}";
  EXPECT_EQ(ChatTemplate(chain).render(Json::object()), "x");
}

TEST(ChatTemplateLimits, Recursion) {
  expect_refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested deeper");
  expect_refused("{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
                 "nested deeper");
  expect_refused(
      "{% macro m() %}{{ caller() }}{% endmacro %}{% macro r() %}{% call m() %}{{ r() }}{% endcall %}{% endmacro %}{{ "
      "r() }}",
      "nested deeper");
  expect_refused("{% macro m(x) %}{{ [x]|map('string')|list }}{{ m([x]) }}{% endmacro %}{{ m(1) }}", "nested deeper");
  expect_refused("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nested deeper");
  // Two calls at each of 30 levels.
  expect_refused("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}",
                 "more than");
}

TEST(ChatTemplateLimits, Work) {
  expect_refused("{{ range(10**9) }}", "a range has at most");
  expect_refused("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "took ");
  expect_refused("{% for a in range(99999) %}{{ range(99999)|sum }}{% endfor %}", "more than");
  expect_refused("{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ x.find('b') }}{% endfor %}", "took ");
  expect_refused("{% set x = 'é' * 1000000 %}{% for i in range(99999) %}{{ x[500000] }}{% endfor %}", "took ");
  expect_refused("{% set x = range(99999)|list %}{% for i in range(99999) %}{{ 'x' in x }}{% endfor %}", "took ");
  TemplateLimits quick;
  quick.steps = size_t{1} << 60;
  quick.value_bytes = size_t{1} << 40;
  quick.time = std::chrono::milliseconds(100);
  EXPECT_NE(refusal("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", quick)
                .find("took longer than 100 ms"),
            std::string::npos);
}

TEST(ChatTemplateLimits, Memory) {
  expect_refused("{{ 'a' * 10**12 }}", "bytes of values");
  expect_refused("{{ 'ab' * 9223372036854775807 }}", "bytes of values");
  expect_refused("{{ [1] * 10**12 }}", "bytes of values");
  expect_refused("{{ (1, 2) * 9223372036854775807 }}", "bytes of values");
  expect_refused("{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                 "bytes of values");
  expect_refused("{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                 "bytes of values");
  expect_refused(
      "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
      "more than");
  expect_refused(
      "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x "
      "+ [] }}",
      "");
  expect_refused("{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "more than");
  expect_refused("{{ (['x' * 100000] * 1000)|join }}", "more than");
  expect_refused("{{ 'x'|center(10**15) }}", "bytes of values");
  expect_refused("{{ 'x'.ljust(10**15) }}", "bytes of values");
  expect_refused("{{ 'x'|indent(10**15) }}", "bytes of values");
  expect_refused("{{ [1]|batch(10**15, 0)|list }}", "bytes of values");
  expect_refused("{{ [1]|slice(10**15)|list }}", "more than");
  expect_refused("{{ {}|tojson(indent=10**15) }}", "bytes of values");
  expect_refused("{{ '%1000000000000d' % 1 }}", "bytes of values");
  expect_refused("{{ '%.1000000000000f' % 1 }}", "at most");
  expect_refused("{{ '{:99999999999999999999}'.format(1) }}", "too large");
  expect_refused("{{ '{:1000000000000}'.format(1) }}", "bytes of values");
  expect_refused("{% set x %}{% for i in range(99999) %}" + repeated("x", 1000) + "{% endfor %}{% endset %}",
                 "more than");
  expect_refused("{% set x = ('abc' * 300000)|list %}{{ x|length }}", "bytes of values");
  expect_refused("{% for i in range(99999) %}" + repeated("x", 1000) + "{% endfor %}", "wrote more than");
}

TEST(ChatTemplateLimits, ValuesThatHoldThemselves) {
  const std::string self = "{% set ns = namespace() %}{% set ns.x = [ns] %}";
  expect_refused(self + "{{ ns }}", "nested deeper");
  expect_refused(self + "{{ ns.x }}", "nested deeper");
  expect_refused(self + "{{ ns.x|string }}", "nested deeper");
  expect_refused(self + "{{ ns.x|tojson }}", "no JSON form");
  EXPECT_EQ(ChatTemplate(self + "{{ ns.x == [ns] }}").render(Json::object()), "True");
  const std::string tower =
      "{% set ns = namespace(x=[], y=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% "
      "endfor %}";
  for (const char* use :
       {"{{ ns.x }}", "{{ ns.x|tojson }}", "{{ ns.x == ns.y }}", "{{ ns.x < ns.y }}", "{{ ns.x in [ns.y] }}"}) {
    expect_refused(tower + use, "nested deeper");
  }
  expect_refused(
      "{% set ns = namespace(x=()) %}{% for i in range(5000) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
      "nested deeper");
}

TEST(ChatTemplateLimits, Numbers) {
  for (const char* source :
       {"{{ 2 ** 64 }}", "{{ 9 ** 9 ** 9 }}", "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 9223372036854775807 * 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ (-9223372036854775807 - 1)|abs }}", "{{ 1e300|int }}", "{{ '99999999999999999999'|int }}",
        "{{ [9223372036854775807, 1]|sum }}", "{{ 99999999999999999999 }}", "{{ '%d' % 1e300 }}"}) {
    EXPECT_NE(refusal(source).find("64 bits"), std::string::npos) << source << refusal(source);
  }
  EXPECT_EQ(ChatTemplate("{{ (-9223372036854775807 - 1) % -1 }}").render(Json::object()), "0");
  EXPECT_EQ(ChatTemplate("{{ [1, 2][::9223372036854775807] }}{{ [1, 2][::-9223372036854775807 - 1] }}")
                .render(Json::object()),
            "[1][2]");
  EXPECT_EQ(ChatTemplate("{{ range(9223372036854775806, 9223372036854775807, 5)|list|length }}").render(Json::object()),
            "1");
  EXPECT_NE(refusal("{{ 10.0 ** 400 }}").find("too large"), std::string::npos);
}

TEST(ChatTemplateLimits, NoWayOutOfTheSandbox) {
  EXPECT_EQ(ChatTemplate("{{ ''.__class__ }}{{ [].__class__ }}{{ {}.__init__ }}{{ messages.__len__ }}")
                .render({{"messages", Json::array()}}),
            "");
  for (const char* source :
       {"{{ ''.__class__.__mro__ }}", "{{ ''['__class__'].x }}", "{{ ''|attr('__class__')|attr('x') }}",
        "{{ range.__globals__.x }}", "{{ '{0.__class__.x}'.format(1) }}", "{{ [].append(1) }}", "{{ {}.update({}) }}",
        "{{ namespace(__x=1) }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{{ open('/etc/passwd') }}",
        "{{ self.x.y }}", "{{ cycler.__init__.__globals__ }}", "{{ strftime_now('%') }}",
        "{{ strftime_now('%Ez') }}"}) {
    EXPECT_NE(refusal(source), "") << source;
  }
}

TEST(ChatTemplateLimits, DeepOrLargeContext) {
  Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Json::array({std::move(deep)});
  EXPECT_NE(refusal("{{ x }}", {}, {{"x", deep}}).find("nested deeper"), std::string::npos);
  EXPECT_NE(refusal("x", {}, Json::array()).find("expected a JSON object"), std::string::npos);
  // A long conversation fits: 500 kB in 2,000 messages.
  Json messages = Json::array();
  for (int i = 0; i < 2000; ++i) messages.push_back({{"role", "user"}, {"content", std::string(250, 'x')}});
  const std::string text =
      ChatTemplate("{% for m in messages %}<{{ m.role }}>{{ m['content'] | trim + '\n' }}{% endfor %}")
          .render({{"messages", messages}});
  EXPECT_EQ(text.size(), 2000u * (6 + 250 + 1));
}

TEST(ChatTemplateLimits, SourceThatIsNoText) {
  EXPECT_NE(refusal("a\xff"), "");
  EXPECT_NE(refusal(std::string(2 << 20, 'x')), "");
  EXPECT_EQ(ChatTemplate(std::string("a\0b{{ '\0' }}", 12)).render(Json::object()), std::string("a\0b\0", 4));
}

}  // namespace
}  // namespace thimble

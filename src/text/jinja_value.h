// Values of a running template. Scalars are held by value; the rest are objects owned by the Runtime (or, for constants,
// by the Tree), which frees them all at the end: cycles through namespaces do no harm, and what a template makes is
// bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace thimble::jinja {

struct String;
struct Sequence;
struct Dict;
struct Namespace;
struct Callable;
class Instance;

struct None {};
// jinja2's Undefined: empty text, false, and an error in every operation. `reason` may be null.
struct Undefined {
  const String* reason = nullptr;
};

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double, const String*, Sequence*, Dict*, Namespace*,
                            Callable*, Instance*>;
  Value() = default;
  template <class T>
  requires std::is_same_v<T, Undefined> || std::is_same_v<T, None> || std::is_same_v<T, bool> ||
      std::is_same_v<T, int64_t> || std::is_same_v<T, double> || std::is_pointer_v<T>
      Value(T value) : data_(std::in_place_type<T>, value) {}

  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  template <class T>
  T get() const {
    return *std::get_if<T>(&data_);  // the caller has asked is<T>()
  }
  bool is_undefined() const { return is<Undefined>(); }
  bool is_none() const { return is<None>(); }
  bool is_string() const { return is<const String*>(); }
  bool is_sequence() const { return is<Sequence*>(); }
  bool is_dict() const { return is<Dict*>(); }
  // Python's numbers: booleans count as 0 and 1.
  bool is_integral() const { return is<bool>() || is<int64_t>(); }
  bool is_number() const { return is_integral() || is<double>(); }
  int64_t integral() const { return is<bool>() ? static_cast<int64_t>(get<bool>()) : get<int64_t>(); }
  double real() const { return is<double>() ? get<double>() : static_cast<double>(integral()); }
  std::string_view text() const;
  const Data& data() const { return data_; }

 private:
  Data data_;
};

struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
};

struct String : Object {
  explicit String(std::string bytes) : owned(std::move(bytes)), text(owned) {}
  explicit String(std::string_view outside) : text(outside) {}  // the caller keeps the bytes
  std::string owned;
  std::string_view text;  // valid UTF-8
  bool markup = false;    // made by `safe` or `escape`: what is added to it is escaped
};

inline std::string_view Value::text() const { return get<const String*>()->text; }

// What Python iterates over. Only an iterator changes: it gives each item once.
struct Sequence : Object {
  enum class Type { list, tuple, range, keys, values, items, iterator };
  Sequence(Type sequence_type, std::vector<Value> values) : type(sequence_type), items(std::move(values)) {}
  Type type;
  std::vector<Value> items;
  size_t consumed = 0;  // of an iterator
  struct Range {
    int64_t first = 0;
    int64_t last = 0;
    int64_t step = 1;
  };
  Range range{};  // how a range was made
  bool is_indexable() const { return type == Type::list || type == Type::tuple || type == Type::range; }
};

// Insertion-ordered; keys are scalars or tuples. Grows only (the sandbox forbids changing a dict).
struct Dict : Object {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_multimap<size_t, size_t> index;  // hash of the key to its entry
};

struct Namespace : Object {
  explicit Namespace(Dict* values) : attributes(values) {}
  Dict* attributes;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
};

struct Callable : Object {
  using Function = std::function<Value(const Arguments&)>;
  Callable(std::string_view callable_name, Function callable) : name(callable_name), function(std::move(callable)) {}
  std::string_view name;
  Function function;
};

// An object with attributes of its own, such as `loop`.
class Instance : public Object {
 public:
  // Undefined without a reason where there is no such attribute.
  virtual Value attribute(std::string_view name) = 0;
  virtual Value call(const Arguments& arguments) = 0;
  virtual std::string_view type_name() const = 0;
};

}  // namespace thimble::jinja

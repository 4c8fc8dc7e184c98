#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weights/bytes.h"

namespace sumi {

/// A value of a Python pickle, as data: where Python would look up a name it is a `name`, and where it would call
/// something it is a `call`, which nobody makes. Values may be shared and may hold themselves.
struct PickleValue {
  enum class Kind : std::uint8_t { none, boolean, integer, real, text, bytes, sequence, dict, name, call, persistent };

  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< of a boolean too
  double real = 0;
  std::string text;  ///< of a text, of bytes, and of a name: "torch._utils._rebuild_tensor_v2"
  std::vector<const PickleValue*>
      items;  ///< of a sequence; a call: what is called, its arguments; a persistent: its id
  std::vector<const PickleValue*> pairs;  ///< of a dict, and what was set in the result of a call: key, value, key, ...
};

/// Decodes pickles of protocols 0 to 5 without executing anything. Values live as long as the decoder does.
class PickleDecoder {
 public:
  /// `allowed` is asked for every name that a pickle looks up, and names it in its error.
  using Allowed = std::function<bool(std::string_view name)>;
  explicit PickleDecoder(Allowed allowed) : allowed_(std::move(allowed)) {}
  PickleDecoder(const PickleDecoder&) = delete;
  PickleDecoder& operator=(const PickleDecoder&) = delete;

  /// One pickle, up to and with its end. Error(bad_file) for one that is broken, holds over two million values or looks
  /// up a name that is not allowed; Error(unsupported) for what no PyTorch file has (extension registries, buffers
  /// that lie elsewhere).
  const PickleValue& decode(ByteReader& in);
  /// Every value decoded so far.
  template <class Call>
  void each(Call call) const {
    for (const PickleValue& value : values_) call(value);
  }

 private:
  using Value = PickleValue;
  using Kind = PickleValue::Kind;

  Value& make(Kind kind);
  Value& push(Kind kind);
  void push(std::int64_t integer) { push(Kind::integer).integer = integer; }
  void push(Kind kind, std::string_view text) { push(kind).text = text; }
  void push_long(std::string_view bytes);
  void push_decimal(std::string_view digits);
  void push_name(std::string_view module, std::string_view name);
  Value& pop();
  Value& top();
  std::vector<const Value*> pop_to_mark();
  void push_sequence(std::size_t count);
  void push_call(bool with_keywords);
  void set(const std::vector<const Value*>& pairs);
  void append(const std::vector<const Value*>& items);
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);
  void build();
  bool step(std::uint8_t code);
  bool constant(std::uint8_t code);
  bool container(std::uint8_t code);
  bool object(std::uint8_t code);
  [[noreturn]] void broken(std::string_view what) const;

  Allowed allowed_;
  std::deque<Value> values_;
  ByteReader* in_ = nullptr;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Value*> memo_;
};

}  // namespace sumi

#include "weights/pickle.h"

#include <bit>
#include <charconv>
#include <cstdlib>

namespace sumi {
namespace {

constexpr std::size_t kMostValues = 2'000'000;  // the largest training checkpoints have some 200,000

/// A number in decimal that takes a whole line.
std::uint64_t index_of(std::string_view line, const std::string& where) {
  std::uint64_t index = 0;
  const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), index);
  check(problem == std::errc() && end == line.data() + line.size(), ErrorCode::bad_file,
        "{}: broken pickle: '{}' is not a number", where, line);
  return index;
}

}  // namespace

void PickleDecoder::broken(std::string_view what) const {
  fail(ErrorCode::bad_file, "{}: broken pickle: {} before byte {}", in_->where(), what, in_->at());
}

PickleValue& PickleDecoder::make(Kind kind) {
  if (values_.size() >= kMostValues) broken("more than two million values");
  values_.emplace_back().kind = kind;
  return values_.back();
}

PickleValue& PickleDecoder::push(Kind kind) {
  stack_.push_back(&make(kind));
  return *stack_.back();
}

PickleValue& PickleDecoder::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) broken("a value is missing");
  return *stack_.back();
}

PickleValue& PickleDecoder::pop() {
  Value& value = top();
  stack_.pop_back();
  return value;
}

std::vector<const PickleValue*> PickleDecoder::pop_to_mark() {
  if (marks_.empty()) broken("a mark is missing");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const Value*> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

/// A two's complement number; those over 64 bits stay bytes.
void PickleDecoder::push_long(std::string_view bytes) {
  if (bytes.size() > 8) return push(Kind::bytes, bytes);
  std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  push(static_cast<std::int64_t>(value));
}

void PickleDecoder::push_decimal(std::string_view digits) {
  if (digits == "00" || digits == "01") {
    push(Kind::boolean).integer = digits == "01";
    return;
  }
  if (digits.ends_with('L')) digits.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc() || end != digits.data() + digits.size()) broken("a number is none");
  push(value);
}

void PickleDecoder::push_name(std::string_view module, std::string_view name) {
  Value& value = push(Kind::name);
  value.text.append(module).append(".").append(name);
  check(allowed_(value.text), ErrorCode::bad_file,
        "{}: it would make Python load '{}', which no weights need; the file may be malicious", in_->where(),
        value.text);
}

void PickleDecoder::push_sequence(std::size_t count) {
  Value& value = make(Kind::sequence);
  for (std::size_t i = 0; i < count; ++i) value.items.insert(value.items.begin(), &pop());
  stack_.push_back(&value);
}

void PickleDecoder::push_call(bool with_keywords) {
  if (with_keywords) pop();
  const Value& arguments = pop();
  const Value& called = pop();
  push(Kind::call).items = {&called, &arguments};
}

void PickleDecoder::set(const std::vector<const Value*>& pairs) {
  if (pairs.size() % 2) broken("a key has no value");
  Value& target = top();
  if (target.kind != Kind::dict && target.kind != Kind::call) broken("keys are set in what has none");
  target.pairs.insert(target.pairs.end(), pairs.begin(), pairs.end());
}

void PickleDecoder::append(const std::vector<const Value*>& items) {
  Value& target = top();
  if (target.kind == Kind::call) return;  // a list of a class of its own: nothing that weights need
  if (target.kind != Kind::sequence) broken("items are appended to what holds none");
  target.items.insert(target.items.end(), items.begin(), items.end());
}

void PickleDecoder::remember(std::uint64_t index) {
  if (memo_.size() >= kMostValues) broken("more than two million kept values");
  memo_[index] = &top();
}

void PickleDecoder::recall(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) broken("a value is wanted again that was not kept");
  stack_.push_back(found->second);
}

/// The attributes of an object. Those of a dict are notes on it, not entries.
void PickleDecoder::build() {
  const Value& state = pop();
  Value& target = top();
  const bool attributes = target.kind == Kind::call && target.pairs.empty() && state.kind == Kind::dict;
  if (attributes) target.pairs = state.pairs;
}

/// Opcodes that push one value: pickletools.py of the Python library describes all of them.
bool PickleDecoder::constant(std::uint8_t code) {
  ByteReader& in = *in_;
  switch (code) {
    case 'N': push(Kind::none); return true;
    case 0x88: push(Kind::boolean).integer = 1; return true;
    case 0x89: push(Kind::boolean); return true;
    case 'I':
    case 'L': push_decimal(in.line()); return true;
    case 'J': push(std::int64_t{in.number<std::int32_t>()}); return true;
    case 'K': push(std::int64_t{in.number<std::uint8_t>()}); return true;
    case 'M': push(std::int64_t{in.number<std::uint16_t>()}); return true;
    case 0x8a: push_long(in.text(in.number<std::uint8_t>())); return true;
    case 0x8b: push_long(in.text(in.number<std::uint32_t>())); return true;
    case 'F': push(Kind::real).real = std::strtod(std::string(in.line()).c_str(), nullptr); return true;
    case 'G': push(Kind::real).real = std::bit_cast<double>(__builtin_bswap64(in.number<std::uint64_t>())); return true;
    case 'S':
    case 'V': push(Kind::text, in.line()); return true;
    case 'T':
    case 'X': push(Kind::text, in.text(in.number<std::uint32_t>())); return true;
    case 'U':
    case 0x8c: push(Kind::text, in.text(in.number<std::uint8_t>())); return true;
    case 0x8d: push(Kind::text, in.text(in.number<std::uint64_t>())); return true;
    case 'B': push(Kind::bytes, in.text(in.number<std::uint32_t>())); return true;
    case 'C': push(Kind::bytes, in.text(in.number<std::uint8_t>())); return true;
    case 0x8e:
    case 0x96: push(Kind::bytes, in.text(in.number<std::uint64_t>())); return true;
    default: return false;
  }
}

/// Opcodes of tuples, lists, sets and dicts.
bool PickleDecoder::container(std::uint8_t code) {
  switch (code) {
    case ']':
    case ')':
    case 0x8f: push_sequence(0); return true;
    case 0x85: push_sequence(1); return true;
    case 0x86: push_sequence(2); return true;
    case 0x87: push_sequence(3); return true;
    case 'l':
    case 't':
    case 0x91: {
      auto items = pop_to_mark();
      push(Kind::sequence).items = std::move(items);
      return true;
    }
    case 'a': append({&pop()}); return true;
    case 'e':
    case 0x90: append(pop_to_mark()); return true;
    case '}': push(Kind::dict); return true;
    case 'd': {
      const auto pairs = pop_to_mark();
      push(Kind::dict);
      set(pairs);
      return true;
    }
    case 's': {
      const Value& value = pop();
      const Value& key = pop();
      set({&key, &value});
      return true;
    }
    case 'u': set(pop_to_mark()); return true;
    default: return false;
  }
}

/// Opcodes of names and objects.
bool PickleDecoder::object(std::uint8_t code) {
  ByteReader& in = *in_;
  switch (code) {
    case 'c': {
      const auto module = in.line();
      push_name(module, in.line());
      return true;
    }
    case 0x93: {
      const std::string name = pop().text;
      push_name(std::string(pop().text), name);
      return true;
    }
    case 'i':
    case 'o': {
      const auto items = pop_to_mark();  // the class is the first of them, or lies in the code
      if (code == 'i') {
        const auto module = in.line();
        push_name(module, in.line());
      } else {
        if (items.empty()) broken("a class is missing");
        stack_.push_back(const_cast<Value*>(items.front()));
      }
      push(Kind::sequence);
      push_call(false);
      return true;
    }
    case 'R':
    case 0x81: push_call(false); return true;
    case 0x92: push_call(true); return true;
    case 'b': build(); return true;
    case 'P': {
      const auto id = in.line();
      Value& name = make(Kind::text);
      name.text = id;
      push(Kind::persistent).items = {&name};
      return true;
    }
    case 'Q': {
      const Value& id = pop();
      push(Kind::persistent).items = {&id};
      return true;
    }
    default: return false;
  }
}

/// Every other opcode; false at the end of the pickle.
bool PickleDecoder::step(std::uint8_t code) {
  ByteReader& in = *in_;
  if (stack_.size() + marks_.size() > 2 * kMostValues) broken("more than four million values at once");
  switch (code) {
    case '.': return false;
    case 0x80: in.skip(1); return true;
    case 0x95: in.skip(8); return true;  // a frame's length: for readers of streams
    case '(': marks_.push_back(stack_.size()); return true;
    case '0':
      if (!marks_.empty() && stack_.size() == marks_.back()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case '1': pop_to_mark(); return true;
    case '2': stack_.push_back(&top()); return true;
    case 'p': remember(index_of(in.line(), in.where())); return true;
    case 'q': remember(in.number<std::uint8_t>()); return true;
    case 'r': remember(in.number<std::uint32_t>()); return true;
    case 0x94: remember(memo_.size()); return true;
    case 'g': recall(index_of(in.line(), in.where())); return true;
    case 'h': recall(in.number<std::uint8_t>()); return true;
    case 'j': recall(in.number<std::uint32_t>()); return true;
    default: break;
  }
  const bool known = constant(code) || container(code) || object(code);
  check(known, ErrorCode::unsupported, "{}: its pickle has code {:#x} at byte {}, which is not supported", in.where(),
        code, in.at() - 1);
  return true;
}

const PickleValue& PickleDecoder::decode(ByteReader& in) {
  in_ = &in;
  stack_.clear();
  marks_.clear();
  memo_.clear();
  while (step(in.number<std::uint8_t>())) {
  }
  return pop();
}

}  // namespace sumi

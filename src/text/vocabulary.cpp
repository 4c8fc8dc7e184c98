#include "text/vocabulary.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/check.h"
#include "core/file_map.h"
#include "core/json.h"
#include "core/paths.h"
#include "core/settings.h"
#include "text/unicode.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostTokens = 1 << 20;  // CLIP has 49408
constexpr std::size_t kMostBytes = 64u << 20;

std::optional<std::string> read_text(const fs::path& path) {
  if (!is_there(path)) return std::nullopt;
  const FileMap map(path);
  const auto bytes = map.bytes();
  check(bytes.size() <= kMostBytes, ErrorCode::bad_file, "{}: {} bytes are too many for a tokenizer", path.string(),
        bytes.size());
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  map.check();
  return text;
}

std::int32_t id_of(const Json& value, const std::string& where, const std::string& token) {
  const bool good = value.is_number_unsigned() && value.get<std::uint64_t>() < kMostTokens;
  check(good, ErrorCode::bad_file, "{}: the id of '{}' is {}, expected 0 to {}", where, token, value.dump(),
        kMostTokens - 1);
  return value.get<std::int32_t>();
}

void read_ids(const Json& object, const std::string& where, Vocabulary& vocabulary) {
  check(object.is_object(), ErrorCode::bad_file, "{}: expected an object of tokens and ids", where);
  std::vector<bool> taken(static_cast<std::size_t>(kMostTokens));
  vocabulary.ids.reserve(object.size());
  for (const auto& [token, value] : object.items()) {
    const std::int32_t id = id_of(value, where, token);
    const auto place = static_cast<std::size_t>(id);
    check(!taken[place], ErrorCode::bad_file, "{}: two tokens have the id {}, one is '{}'", where, id, token);
    taken[place] = true;
    vocabulary.ids.emplace(token, id);
    vocabulary.size = std::max(vocabulary.size, id + 1);
  }
}

/// Two tokens with a space between them.
std::pair<std::string, std::string> merge_of(std::string_view line, const std::string& where) {
  const auto space = line.find(' ');
  const bool two = space != std::string_view::npos && space > 0 && space + 1 < line.size() &&
                   line.find(' ', space + 1) == std::string_view::npos;
  check(two, ErrorCode::bad_file, "{}: expected two tokens, found '{}'", where, line);
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

void read_merges(std::string_view text, const std::string& where, Vocabulary& vocabulary) {
  static_cast<void>(decode_utf8(text, ErrorCode::bad_file, where));
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line.find("#version") != std::string_view::npos) continue;
    vocabulary.merges.push_back(merge_of(line, fmt::format("{}: line {}", where, number)));
  }
}

void read_merges(const Settings& model, Vocabulary& vocabulary) {
  const Json& list = model.at("merges");
  if (!list.is_array()) model.reject("merges", "expected a list");
  for (const Json& item : list) {
    const bool pair = item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
    if (pair) {
      vocabulary.merges.emplace_back(item[0].get<std::string>(), item[1].get<std::string>());
    } else {
      if (!item.is_string()) model.reject("merges", "expected two tokens, found {}", item.dump());
      vocabulary.merges.push_back(merge_of(item.get_ref<const std::string&>(), model.where() + ": merges"));
    }
  }
}

/// A token that is recognised in texts. Where the vocabulary has it, its id there holds.
void add_token(Vocabulary& vocabulary, const std::string& text, std::optional<std::int32_t> id, bool normalized) {
  const auto known = [&](const AddedToken& token) { return token.text == text; };
  if (text.empty() || std::any_of(vocabulary.added.begin(), vocabulary.added.end(), known)) return;
  if (const auto found = vocabulary.ids.find(text); found != vocabulary.ids.end()) id = found->second;
  check(id.has_value(), ErrorCode::bad_file, "{}: the special token '{}' is not in the vocabulary", vocabulary.where,
        text);
  check(vocabulary.added.size() < 1000, ErrorCode::bad_file, "{}: more than 1000 added tokens", vocabulary.where);
  vocabulary.added.push_back({text, *id, normalized});
  vocabulary.size = std::max(vocabulary.size, *id + 1);
}

void read_tokenizer_json(const std::string& text, const std::string& where, Vocabulary& vocabulary) {
  const Settings file(parse_json(text, where), where);
  const Settings model(file.at("model"), where + ": model");
  check(model.text("type", "BPE") == "BPE" && model.text("end_of_word_suffix", "") == "</w>", ErrorCode::unsupported,
        "{}: not a CLIP tokenizer: a BPE model whose words end in '</w>' is expected", where);
  read_ids(model.at("vocab"), where + ": vocab", vocabulary);
  read_merges(model, vocabulary);
  if (!file.has("added_tokens")) return;
  if (!file.at("added_tokens").is_array()) file.reject("added_tokens", "expected a list");
  for (const Json& item : file.at("added_tokens")) {
    const Settings token(item, where + ": added_tokens");
    const std::string content = token.text("content", "");
    add_token(vocabulary, content, id_of(token.at("id"), token.where(), content), token.flag("normalized", true));
  }
}

void read_added_tokens(const Settings& config, Vocabulary& vocabulary) {
  if (!config.has("added_tokens_decoder")) return;
  const Settings tokens(config.at("added_tokens_decoder"), config.where() + ": added_tokens_decoder");
  for (const auto& [key, value] : tokens.json().items()) {
    std::int64_t id = -1;
    const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool good = problem == std::errc() && end == key.data() + key.size() && id >= 0 && id < kMostTokens;
    check(good, ErrorCode::bad_file, "{}: '{}' is not an id", tokens.where(), key);
    const Settings token(value, tokens.where());
    add_token(vocabulary, token.text("content", ""), static_cast<std::int32_t>(id), token.flag("normalized", true));
  }
}

/// A special token by its role, from the first of `sources` that names it: a string, or an object with its content.
/// A role that is given as a mere string is looked for in lower case, except for `pad_token`, as the reference does.
std::int32_t special(const std::vector<Settings>& sources, const char* role, std::string text, Vocabulary& vocabulary) {
  bool normalized = std::string_view(role) != "pad_token";
  for (const Settings& source : sources) {
    if (!source.has(role)) continue;
    if (source.at(role).is_object()) {
      const Settings token(source.at(role), fmt::format("{}: {}", source.where(), role));
      text = token.text("content", "");
      normalized = token.flag("normalized", true);
    } else {
      text = source.text(role, "");
    }
    if (text.empty()) source.reject(role, "empty");
    break;
  }
  add_token(vocabulary, text, {}, normalized);
  const auto known = [&](const AddedToken& token) { return token.text == text; };
  return std::find_if(vocabulary.added.begin(), vocabulary.added.end(), known)->id;
}

void read_settings(const TokenizerFiles& files, Vocabulary& vocabulary) {
  std::vector<Settings> sources;
  for (const auto& [text, name] :
       {std::pair(&files.config, "tokenizer_config.json"), std::pair(&files.special_map, "special_tokens_map.json")}) {
    const std::string where = fmt::format("{}/{}", files.where, name);
    if (*text) sources.emplace_back(parse_json(**text, where), where);
  }
  for (const Settings& source : sources) {
    read_added_tokens(source, vocabulary);
    // Some tools write 1e30 for "no limit".
    const double length = source.number("model_max_length", vocabulary.length);
    if (length < 2) source.reject("model_max_length", "{} leaves no room for a prompt", length);
    if (length <= 4096) vocabulary.length = static_cast<int>(length);
  }
  const std::string end = "<|endoftext|>";
  vocabulary.bos = special(sources, "bos_token", "<|startoftext|>", vocabulary);
  vocabulary.eos = special(sources, "eos_token", end, vocabulary);
  vocabulary.unknown = special(sources, "unk_token", end, vocabulary);
  vocabulary.pad = special(sources, "pad_token", end, vocabulary);
}

}  // namespace

TokenizerFiles read_tokenizer_files(const fs::path& folder) {
  check(is_folder(folder), ErrorCode::not_found, "{}: no such tokenizer folder", folder.string());
  return {folder.string(),
          read_text(folder / "vocab.json"),
          read_text(folder / "merges.txt"),
          read_text(folder / "tokenizer.json"),
          read_text(folder / "tokenizer_config.json"),
          read_text(folder / "special_tokens_map.json")};
}

Vocabulary parse_vocabulary(const TokenizerFiles& files) {
  Vocabulary vocabulary;
  vocabulary.where = files.where;
  if (files.vocab && files.merges) {
    const std::string where = files.where + "/vocab.json";
    read_ids(parse_json(*files.vocab, where), where, vocabulary);
    read_merges(*files.merges, files.where + "/merges.txt", vocabulary);
  } else {
    check(files.tokenizer.has_value(), ErrorCode::not_found,
          "{}: no tokenizer there; expected vocab.json and merges.txt, or tokenizer.json", files.where);
    read_tokenizer_json(*files.tokenizer, files.where + "/tokenizer.json", vocabulary);
  }
  read_settings(files, vocabulary);
  return vocabulary;
}

}  // namespace sumi

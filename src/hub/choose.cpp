#include "hub/choose.h"

#include <algorithm>
#include <array>
#include <fnmatch.h>
#include <map>
#include <set>
#include <tuple>

#include "core/json.h"

namespace sumi {
namespace {

constexpr std::array<std::string_view, 3> kBases{"diffusion_pytorch_model", "model", "pytorch_model"};
constexpr std::array<std::string_view, 2> kFormats{"safetensors", "bin"};

template <class List, class Item>
bool contains(const List& list, const Item& item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// What the name of a weight file says, or of the index of several.
struct WeightName {
  std::string format, base, variant;
  std::size_t shard = 0, shards = 0;  ///< "-00001-of-00003"
  bool index = false;
};

/// Takes "-00001-of-00003" off the end of a word.
void take_shard(std::string& word, WeightName& name) {
  constexpr std::size_t kDigits = 5, kLength = 15;
  if (word.size() <= kLength) return;
  const std::string end = word.substr(word.size() - kLength);
  const std::string first = end.substr(1, kDigits), last = end.substr(kLength - kDigits);
  const bool digits = (first + last).find_first_not_of("0123456789") == std::string::npos;
  if (end[0] != '-' || end.substr(1 + kDigits, 4) != "-of-" || !digits) return;
  name.shard = std::stoul(first);
  name.shards = std::stoul(last);
  word.resize(word.size() - kLength);
}

/// BASE[.VARIANT].FORMAT with a shard's number after either word; BASE.FORMAT.index[.VARIANT].json and
/// BASE.VARIANT.FORMAT.index.json.
std::optional<WeightName> parse_weight_name(const std::string& file) {
  WeightName name;
  std::vector<std::string> words = split(file, '.');
  if (words.size() > 3 && words.back() == "json" && contains(words, std::string("index"))) {
    words.pop_back();
    words.erase(std::find(words.begin(), words.end(), "index"));
    name.index = true;
  }
  const auto format =
      std::find_if(words.begin(), words.end(), [](const auto& word) { return contains(kFormats, word); });
  if (format == words.end() || (!name.index && format + 1 != words.end())) return std::nullopt;
  name.format = *format;
  words.erase(format);
  if (words.empty() || words.size() > 2) return std::nullopt;
  for (std::string& word : words) take_shard(word, name);
  name.base = words[0];
  if (words.size() == 2) name.variant = words[1];
  return name;
}

/// Weights that hold the same in different forms are sets; one is needed.
struct WeightSet {
  std::string whole, index;
  std::set<std::string> shards;
  std::size_t count = 0;  ///< of shards

  bool complete() const { return !whole.empty() || (!index.empty() && count > 0 && shards.size() == count); }
  std::vector<std::string> files() const {
    if (!whole.empty()) return {whole};
    std::vector<std::string> names(shards.begin(), shards.end());
    names.push_back(index);
    return names;
  }
};

std::size_t rank_of_variant(const std::string& variant, const std::string& wanted) {
  if (!wanted.empty() && variant == wanted) return 0;
  if (variant.empty()) return 1;
  return variant == "fp16" ? 2 : 3;
}

/// The best complete set of weights among the files of one folder; empty where there is none.
std::vector<std::string> choose_weights(const std::vector<std::string>& files, const std::string& variant) {
  using Rank = std::tuple<std::size_t, std::size_t, std::size_t, std::string>;  // the variant's name ends a tie
  std::map<Rank, WeightSet> sets;
  for (const std::string& file : files) {
    const auto name = parse_weight_name(file);
    if (!name || !contains(kBases, name->base)) continue;
    const auto place = [](const auto& list, const std::string& item) {
      return static_cast<std::size_t>(std::find(list.begin(), list.end(), item) - list.begin());
    };
    WeightSet& set = sets[{place(kFormats, name->format), rank_of_variant(name->variant, variant),
                           place(kBases, name->base), name->variant}];
    if (name->index) {
      set.index = file;
    } else if (name->shards > 0) {
      set.shards.insert(file);
      set.count = name->shards;
    } else {
      set.whole = file;
    }
  }
  for (const auto& [rank, set] : sets) {
    if (set.complete()) return set.files();
  }
  // A name of its own will do where it is the only one.
  const auto own = [](const std::string& file) { return file.ends_with(".safetensors"); };
  if (std::count_if(files.begin(), files.end(), own) != 1) return {};
  const std::string& only = *std::find_if(files.begin(), files.end(), own);
  return parse_weight_name(only) && parse_weight_name(only)->shards > 0 ? std::vector<std::string>{}
                                                                        : std::vector{only};
}

bool is_small_file(const std::string& file) {
  const bool settings = file.ends_with(".json") || file.ends_with(".txt") || file.ends_with(".model");
  const auto weights = parse_weight_name(file);
  return settings && !(weights && weights->index) && !file.ends_with(".index.json");
}

/// The names of the files in a folder itself; "" is the root.
std::vector<std::string> files_in(const std::vector<std::string>& names, const std::string& folder) {
  const std::string begin = folder.empty() ? "" : folder + "/";
  std::vector<std::string> files;
  for (const std::string& name : names) {
    if (name.starts_with(begin) && name.find('/', begin.size()) == name.npos)
      files.push_back(name.substr(begin.size()));
  }
  return files;
}

bool ends_with_any(const std::string& text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}

void choose_component(Choice& choice, const std::vector<std::string>& names, const std::string& component,
                      const std::string& type, const std::string& variant) {
  const std::vector<std::string> files = files_in(names, component);
  for (const std::string& file : files) {
    if (is_small_file(file)) choice.files.push_back(component + "/" + file);
  }
  const auto need = [&](bool good, const char* what) {
    if (!good) choice.missing.push_back(fmt::format("{}: {}", component, what));
  };
  const auto has = [&](const char* file) { return contains(files, std::string(file)); };
  if (type.find("Tokenizer") != type.npos) {
    return need((has("vocab.json") && has("merges.txt")) || has("tokenizer.json"), "vocabulary");
  }
  if (type.find("Scheduler") != type.npos) return need(has("scheduler_config.json"), "scheduler_config.json");
  if (ends_with_any(type, {"Extractor", "Processor"})) return;
  const std::vector<std::string> weights = choose_weights(files, variant);
  if (type.find("SafetyChecker") != type.npos) {
    if (!weights.empty()) choice.left_out.push_back(component);
    return;
  }
  need(has("config.json"), "config.json");
  need(!weights.empty(), "weights");
  for (const std::string& file : weights) choice.files.push_back(component + "/" + file);
}

Choice choose_folders(const std::vector<std::string>& names, const Settings& index, const std::string& variant) {
  Choice choice;
  for (const char* file : {"model_index.json", "generation.json"}) {
    if (contains(names, std::string(file))) choice.files.emplace_back(file);
  }
  for (const auto& [component, value] : index.json().items()) {
    const bool named = value.is_array() && value.size() == 2 && value[1].is_string();
    if (component.empty() || component.starts_with('_') || !named) continue;
    choose_component(choice, names, component, value[1].get<std::string>(), variant);
  }
  return choice;
}

/// Root-level files of the best of the formats that hold whole models.
std::vector<std::string> single_files(const std::vector<std::string>& root) {
  std::vector<std::string> found;
  for (const auto& ends :
       {std::initializer_list<std::string_view>{".safetensors"}, {".ckpt"}, {".pt", ".pth", ".bin"}}) {
    std::copy_if(root.begin(), root.end(), std::back_inserter(found),
                 [&](const std::string& name) { return ends_with_any(name, ends); });
    if (!found.empty()) break;
  }
  return found;
}

}  // namespace

Choice choose_files(const std::vector<std::string>& names, const std::optional<Settings>& index,
                    const std::string& variant) {
  if (index) return choose_folders(names, *index, variant);
  Choice choice;
  const std::vector<std::string> root = files_in(names, "");
  const auto weights = choose_weights(root, variant);
  if (contains(root, std::string("config.json")) && !weights.empty()) {
    choice.files = weights;
    std::copy_if(root.begin(), root.end(), std::back_inserter(choice.files), is_small_file);
    return choice;
  }
  const std::vector<std::string> singles = single_files(root);
  if (singles.size() != 1) {
    choice.candidates = singles;
    choice.missing.emplace_back(singles.empty() ? "a model_index.json or a single file of weights" : "a choice");
    return choice;
  }
  choice.files = singles;
  choice.single = singles[0];
  const std::string yaml = singles[0].substr(0, singles[0].rfind('.')) + ".yaml";
  if (contains(root, yaml)) choice.files.push_back(yaml);
  return choice;
}

std::vector<std::string> match_files(const std::vector<std::string>& names, const std::vector<std::string>& patterns) {
  std::vector<std::string> matching;
  for (const std::string& name : names) {
    const auto matches = [&](const std::string& pattern) {
      const std::string whole = pattern.ends_with('/') ? pattern + "*" : pattern;
      return ::fnmatch(whole.c_str(), name.c_str(), 0) == 0;
    };
    if (std::any_of(patterns.begin(), patterns.end(), matches)) matching.push_back(name);
  }
  return matching;
}

bool is_weight_name(const std::string& name) {
  return ends_with_any(name, {".safetensors", ".ckpt", ".pt", ".pth", ".bin"});
}

}  // namespace sumi

#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

#include "core/json.h"
#include "support/scratch.h"

namespace sumi::test {

/// What a run of the built program left behind.
struct Ran {
  int status = -1;  ///< exit status; 128 and the signal where one ended it
  std::string out, err;

  std::vector<std::string> out_lines() const;
  std::vector<std::string> err_lines() const;
};

/// The program, started in a folder with its output going to files beside that folder.
class Program {
 public:
  /// `out`: where standard output goes instead; "closed" is a pipe that nobody reads.
  Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments, const std::string& out = "");
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  void signal(int number) const;
  std::string err_so_far() const;
  Ran wait();

 private:
  ScratchFolder outputs_;
  pid_t process_ = -1;
};

Ran run(const std::filesystem::path& folder, const std::vector<std::string>& arguments, const std::string& out = "");

/// A picture of the model that comes with Sumi, quickly: a few steps in one thread.
std::vector<std::string> quick(std::vector<std::string> more);

/// The path of a file or folder of tests/fixtures.
std::string fixture(const std::string& name);

std::vector<std::string> files_in(const std::filesystem::path& folder);
std::string read_text(const std::filesystem::path& path);

/// Expects a failure that is one line on standard error with `what` in it, and no files.
void expect_refusal(const Ran& ran, int status, const std::string& what, const std::filesystem::path& folder);

}  // namespace sumi::test

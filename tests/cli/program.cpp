#include "program.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "support/fixture.h"

extern char** environ;

namespace sumi::test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The writing end of a pipe that has no reader.
int closed_pipe() {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  return ends[1];
}

}  // namespace

std::vector<std::string> Ran::out_lines() const { return lines_of(out); }
std::vector<std::string> Ran::err_lines() const { return lines_of(err); }

Program::Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                 const std::string& out) {
  std::vector<char*> argv{const_cast<char*>("sumi")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  const int unread = out == "closed" ? closed_pipe() : -1;
  const std::string to = out.empty() ? (outputs_ / "out").string() : out, err = (outputs_ / "err").string();
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (unread >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, unread, 1);
    ::posix_spawn_file_actions_addclose(&actions, unread);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, 1, to.c_str(), flags, 0600);
  }
  ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), flags, 0600);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  const int problem = ::posix_spawn(&process_, SUMI_PROGRAM, &actions, nullptr, argv.data(), environ);
  EXPECT_EQ(problem, 0) << SUMI_PROGRAM;
  if (problem != 0) process_ = -1;
  ::posix_spawn_file_actions_destroy(&actions);
  if (unread >= 0) ::close(unread);
}

Program::~Program() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void Program::signal(int number) const { ::kill(process_, number); }

std::string Program::err_so_far() const { return read_text(outputs_ / "err"); }

Ran Program::wait() {
  Ran ran;
  int status = 0;
  if (process_ > 0 && ::waitpid(process_, &status, 0) == process_) {
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  process_ = -1;
  ran.out = read_text(outputs_ / "out");
  ran.err = read_text(outputs_ / "err");
  return ran;
}

Ran run(const std::filesystem::path& folder, const std::vector<std::string>& arguments, const std::string& out) {
  return Program(folder, arguments, out).wait();
}

std::vector<std::string> quick(std::vector<std::string> more) {
  std::vector<std::string> arguments{"generate", "a red apple, 3d", "--steps", "2", "--threads", "1", "--dtype", "f32"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string fixture(const std::string& name) { return (fixtures() / name).string(); }

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::directory_iterator(folder)) names.push_back(item.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_refusal(const Ran& ran, int status, const std::string& what, const std::filesystem::path& folder) {
  EXPECT_EQ(ran.status, status) << ran.err;
  EXPECT_EQ(ran.out, "");
  ASSERT_EQ(ran.err_lines().size(), 1u) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("sumi: ")) << ran.err;
  EXPECT_NE(ran.err.find(what), std::string::npos) << "'" << what << "' is not in: " << ran.err;
  EXPECT_TRUE(files_in(folder).empty()) << files_in(folder).front();
}

}  // namespace sumi::test

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/answer.h"
#include "hub/settings.h"

namespace sumi {

/// How a server answered: its last status, and the headers of that answer and of the redirects before.
struct Answer {
  long status = 0;
  std::vector<Headers> headers;  ///< one for each redirect, then the last
  const Headers& last() const { return headers.back(); }
};

/// Something to get from the hub. Errors that these functions throw end the whole `run_requests`.
class HttpRequest {
 public:
  enum class State { waiting, ready, done };

  HttpRequest(std::string url, bool head) : url_(std::move(url)), head_(head) {}
  virtual ~HttpRequest() = default;
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;

  const std::string& url() const { return url_; }
  bool head() const { return head_; }

  /// Before each attempt: `waiting` asks to be asked again later, `done` that nothing is to get.
  virtual State prepare() { return State::ready; }
  /// How many bytes are here already.
  virtual std::uint64_t offset() const { return 0; }
  /// A good answer begins, with its body from byte `offset` on.
  virtual void begin(std::uint64_t offset) = 0;
  virtual void add(std::span<const std::byte> bytes) = 0;
  /// A good answer came to its end. Text where it is no good after all and another attempt may help.
  virtual std::string finish(const Answer& answer) = 0;
  /// A status of 400 and above that another attempt will not change.
  [[noreturn]] virtual void refuse(const Answer& answer) = 0;

 private:
  std::string url_;
  bool head_;
};

/// Answers that are kept in memory: descriptions and other small things.
class TextRequest : public HttpRequest {
 public:
  explicit TextRequest(std::string url, bool head = false) : HttpRequest(std::move(url), head) {}
  void begin(std::uint64_t) override { text_.clear(); }
  void add(std::span<const std::byte> bytes) override;
  std::string finish(const Answer& answer) override;

  const std::string& text() const { return text_; }
  const Answer& answer() const { return answer_; }

 private:
  std::string text_;
  Answer answer_;
};

/// Gets all of them, `settings.parallel` at once, on this thread. Cuts, stalls, 429 and 5xx are tried again, later each
/// time or when the server says, from where they broke off. The token goes to the hub alone, also after a redirect.
/// `tick` is called some ten times a second. Error(cancelled) when `stop` is set, Error(io) for what stays unreachable.
void run_requests(std::span<const std::unique_ptr<HttpRequest>> requests, const HubSettings& settings,
                  const std::atomic<bool>* stop, const std::function<void()>& tick);

}  // namespace sumi

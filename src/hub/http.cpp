#include "hub/http.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <list>
#include <thread>

#include <curl/curl.h>

#include "core/check.h"

namespace sumi {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr long kMostRedirects = 8;
constexpr long kConnectSeconds = 10;
constexpr long kBuffer = 256L << 10;
constexpr int kUnreachable = 3;  // attempts at a host that nothing is heard of
constexpr std::size_t kLongestText = std::size_t{64} << 20;
constexpr std::size_t kMostOfAPage = std::size_t{64} << 10;  // of what comes with an error
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20;  // bytes after which a cut counts as the first
constexpr milliseconds kLookAgain{100}, kLongestWait{30'000}, kLongestObeyed{600'000};

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(started == CURLE_OK, ErrorCode::internal, "libcurl cannot start: {}", curl_easy_strerror(started));
}

bool is_good(long status) { return status == 200 || status == 206; }

/// Statuses that may be better later. 416 is a part that the server does not have: the next attempt begins anew.
bool is_passing(long status) { return status == 408 || status == 416 || status == 429 || status >= 500; }

bool is_passing(CURLcode code) {
  constexpr std::array kCodes{CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,    CURLE_PARTIAL_FILE,
                              CURLE_OPERATION_TIMEDOUT,   CURLE_SSL_CONNECT_ERROR,  CURLE_GOT_NOTHING,
                              CURLE_SEND_ERROR,           CURLE_RECV_ERROR,         CURLE_HTTP2,
                              CURLE_HTTP2_STREAM,         CURLE_WEIRD_SERVER_REPLY, CURLE_COULDNT_RESOLVE_PROXY};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  return url.substr(0, url.find('/', begin));
}

/// One request and its attempts.
class Transfer {
 public:
  Transfer(HttpRequest& request, const HubSettings& settings, curl_slist* headers)
      : request_(request), settings_(settings), easy_(curl_easy_init()) {
    check(easy_ != nullptr, ErrorCode::out_of_memory, "out of memory for a connection");
    set(CURLOPT_URL, request.url().c_str());
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_NOBODY, request.head() ? 1L : 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_BUFFERSIZE, kBuffer);
    set(CURLOPT_USERAGENT, "sumi");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    const bool secure = request.url().starts_with("https:");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    if (!settings.certificates.empty()) set(CURLOPT_CAINFO, settings.certificates.c_str());
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall.count()));
    set(CURLOPT_ERRORBUFFER, problem_.data());
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PRIVATE, this);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }
  bool done() const { return done_; }
  bool running() const { return running_; }
  Clock::time_point due() const { return due_; }

  /// True where the handle is to be given to curl now.
  bool start() {
    switch (request_.prepare()) {
      case HttpRequest::State::waiting: due_ = Clock::now() + kLookAgain; return false;
      case HttpRequest::State::done: done_ = true; return false;
      case HttpRequest::State::ready: break;
    }
    offset_ = request_.offset();
    const std::string range = fmt::format("{}-", offset_);
    set(CURLOPT_RANGE, offset_ > 0 ? range.c_str() : nullptr);
    answer_ = {};
    error_ = nullptr;
    begun_ = false;
    page_ = 0;
    problem_[0] = '\0';
    return running_ = true;
  }

  /// After curl has ended the attempt.
  void settle(CURLcode code) {
    running_ = false;
    if (error_) std::rethrow_exception(error_);
    curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &answer_.status);
    if (answer_.headers.empty()) answer_.headers.emplace_back();
    const bool answered = answer_.status >= 400;
    if (code == CURLE_TOO_MANY_REDIRECTS) {
      fail(ErrorCode::bad_file, "{} redirects without end", host_of(request_.url()));
    }
    if (answered && !is_passing(answer_.status)) request_.refuse(answer_);
    std::string problem;
    if (answered) {
      problem = fmt::format("{} answers with status {}", host_of(request_.url()), answer_.status);
      if (answer_.status == 416) request_.begin(0);
    } else if (code != CURLE_OK) {
      problem =
          fmt::format("{}: {}", host_of(request_.url()), problem_[0] ? problem_.data() : curl_easy_strerror(code));
      check(is_passing(code), ErrorCode::io, "{}", problem);
    } else {
      check(is_good(answer_.status), ErrorCode::bad_file, "{} answers with status {}", request_.url(), answer_.status);
      if (!begun_) request_.begin(0);  // an empty file
      problem = request_.finish(answer_);
    }
    done_ = problem.empty();
    const bool silent = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
    if (!done_) wait_after(problem, silent ? std::min(kUnreachable, settings_.attempts) : settings_.attempts);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    check(code == CURLE_OK, ErrorCode::internal, "libcurl: {}", curl_easy_strerror(code));
  }

  void wait_after(const std::string& problem, int most) {
    attempts_ = request_.offset() >= offset_ + kProgress ? 1 : attempts_ + 1;
    check(attempts_ < most, ErrorCode::io, "{}; what came is kept: the same command goes on from there", problem);
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy(), CURLINFO_RETRY_AFTER, &seconds);
    const milliseconds asked{std::min<curl_off_t>(seconds, kLongestObeyed.count()) * 1000};
    check(asked <= kLongestObeyed, ErrorCode::io, "{}, and asks to come again in {} s", problem, seconds);
    const milliseconds own = std::min(settings_.first_wait * (1 << std::min(attempts_ - 1, 10)), kLongestWait);
    due_ = Clock::now() + std::max(own, asked);
  }

  void take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
      if (answer_.headers.size() <= static_cast<std::size_t>(kMostRedirects) * 2) answer_.headers.emplace_back();
    } else if (!answer_.headers.empty()) {
      add_header(answer_.headers.back(), line);
    }
  }

  /// False ends the attempt.
  bool take_body(std::span<const std::byte> bytes) {
    long status = 0;
    curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
    if (!is_good(status)) return (page_ += bytes.size()) <= kMostOfAPage;
    if (!begun_) {
      const std::uint64_t from = status == 206 ? range_begin(answer_.last()).value_or(UINT64_MAX) : 0;
      check(from == 0 || from == offset_, ErrorCode::bad_file, "{} answers with another part than was asked for",
            request_.url());
      request_.begin(from);
      begun_ = true;
    }
    request_.add(bytes);
    return true;
  }

  // No exception may cross curl: the first one is kept for `settle`.
  template <class Call>
  std::size_t guarded(std::size_t size, Call&& call) {
    try {
      return call() ? size : 0;
    } catch (...) {
      error_ = std::current_exception();
      return 0;
    }
  }
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->guarded(size, [&] { return transfer->take_header({data, size}), true; });
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->guarded(size, [&] { return transfer->take_body(std::as_bytes(std::span(data, size))); });
  }

  HttpRequest& request_;
  const HubSettings& settings_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::array<char, CURL_ERROR_SIZE> problem_{};
  Answer answer_;
  std::exception_ptr error_;
  Clock::time_point due_ = Clock::now();
  std::uint64_t offset_ = 0;  ///< of the present attempt
  std::size_t page_ = 0;
  int attempts_ = 0;
  bool begun_ = false, running_ = false, done_ = false;
};

/// The connections of one `run_requests`.
class Runner {
 public:
  Runner(std::span<const std::unique_ptr<HttpRequest>> requests, const HubSettings& settings)
      : settings_(settings), multi_(curl_multi_init()) {
    check(multi_ != nullptr, ErrorCode::out_of_memory, "out of memory for connections");
    if (!settings.token.empty()) {
      headers_.reset(curl_slist_append(nullptr, ("Authorization: Bearer " + settings.token).c_str()));
    }
    for (const auto& request : requests) transfers_.emplace_back(*request, settings, headers_.get());
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() {
    for (const Transfer& each : transfers_) {
      if (each.running()) curl_multi_remove_handle(multi_.get(), each.easy());
    }
  }

  /// False when all is done.
  bool turn() {
    start_due();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    bool settled = false;
    for (int left = 0; CURLMsg* message = curl_multi_info_read(multi_.get(), &left);) {
      if (message->msg != CURLMSG_DONE) continue;
      settle(message->easy_handle, message->data.result);
      settled = true;
    }
    const bool more = std::any_of(transfers_.begin(), transfers_.end(), [](const auto& each) { return !each.done(); });
    if (more && !settled) curl_multi_poll(multi_.get(), nullptr, 0, wait(), nullptr);
    return more;
  }

 private:
  void start_due() {
    const auto now = Clock::now();
    auto active = std::count_if(transfers_.begin(), transfers_.end(), [](const auto& each) { return each.running(); });
    for (Transfer& each : transfers_) {
      if (active >= settings_.parallel) return;
      if (each.done() || each.running() || each.due() > now || !each.start()) continue;
      curl_multi_add_handle(multi_.get(), each.easy());
      ++active;
    }
  }

  void settle(CURL* easy, CURLcode code) {
    char* transfer = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    curl_multi_remove_handle(multi_.get(), easy);
    reinterpret_cast<Transfer*>(transfer)->settle(code);
  }

  /// Milliseconds until something is due, at most until `tick` is.
  int wait() const {
    const auto now = Clock::now();
    auto until = now + kLookAgain;
    for (const Transfer& each : transfers_) {
      const bool later = !each.done() && !each.running() && each.due() > now;  // others wait for a free connection
      if (later) until = std::min(until, each.due());
    }
    return static_cast<int>(std::chrono::ceil<milliseconds>(until - now).count());
  }

  const HubSettings& settings_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::list<Transfer> transfers_;  // curl holds pointers to them
};

}  // namespace

void TextRequest::add(std::span<const std::byte> bytes) {
  check(text_.size() + bytes.size() <= kLongestText, ErrorCode::bad_file, "{}: the answer is longer than {} bytes",
        url(), kLongestText);
  text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string TextRequest::finish(const Answer& answer) {
  answer_ = answer;
  return "";
}

void run_requests(std::span<const std::unique_ptr<HttpRequest>> requests, const HubSettings& settings,
                  const std::atomic<bool>* stop, const std::function<void()>& tick) {
  start_curl();
  Runner runner(requests, settings);
  while (runner.turn()) {
    check(stop == nullptr || !*stop, ErrorCode::cancelled, "stopped; the same command goes on from what came");
    if (tick) tick();
  }
  if (tick) tick();
}

}  // namespace sumi

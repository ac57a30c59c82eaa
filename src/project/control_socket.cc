// SPDX-License-Identifier: Apache-2.0
#include "project/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr size_t kLongestLine = 8 << 20;
constexpr int kPatienceMs = 5000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// A socket address holds about a hundred bytes; a longer path is reached through its directory's
// descriptor, which must stay open until bind or connect returned.
struct Address {
  explicit Address(const std::string& path)
      : directory(path.size() < sizeof(sockaddr_un::sun_path)
                      ? -1
                      : open(std::filesystem::path(path).parent_path().c_str(),
                             O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    value.sun_family = AF_UNIX;
    const std::string name = directory.get() < 0
                                 ? path
                                 : fmt::format("/proc/self/fd/{}/{}", directory.get(),
                                               std::filesystem::path(path).filename().string());
    is_good = name.size() < sizeof(value.sun_path);
    if (is_good) memcpy(value.sun_path, name.c_str(), name.size() + 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&value); }

  Descriptor directory;
  sockaddr_un value = {};
  bool is_good = false;
};

bool Wait(int fd, short events, std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  pollfd one{fd, events, 0};
  return left.count() > 0 && poll(&one, 1, static_cast<int>(left.count())) > 0;
}

std::optional<std::string> ReadLine(int fd) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  std::string line;
  char buffer[16384];
  while (line.size() < kLongestLine) {
    if (!Wait(fd, POLLIN, until)) return {};
    const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return {};
    line.append(buffer, static_cast<size_t>(n));
    if (line.back() == '\n') return line;
  }
  return {};
}

bool WriteLine(int fd, const json& value) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  const std::string line = value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (size_t at = 0; at < line.size();) {
    if (!Wait(fd, POLLOUT, until)) return false;
    const ssize_t n = send(fd, line.data() + at, line.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

ControlServer::ControlServer(std::string path, Handler handler)
    : path_(std::move(path)), handler_(std::move(handler)) {
  auto fail = [&](std::string_view what) {
    const int cause = errno;
    if (listener_ >= 0) close(listener_);
    throw Error({.code = "CONTROL_SOCKET_FAILED",
                 .kind = ErrorKind::kBlocked,
                 .object = path_,
                 .native = cause,
                 .message = fmt::format("{}: {}", what, strerror(cause)),
                 .cause = "other commands could not reach this project",
                 .remedy = "name a --state-dir on a local file system that has room"});
  };
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_ < 0) fail("socket");
  unlink(path_.c_str());
  Address address(path_);
  if (!address.is_good) errno = ENAMETOOLONG;
  if (!address.is_good || bind(listener_, address.get(), sizeof(address.value)) != 0) fail("bind");
  if (chmod(path_.c_str(), 0600) != 0) fail("chmod");
  if (listen(listener_, 16) != 0) fail("listen");
  stop_ = eventfd(0, EFD_CLOEXEC);
  if (stop_ < 0) fail("eventfd");
  thread_ = std::thread([this] { Serve(); });
}

ControlServer::~ControlServer() {
  eventfd_write(stop_, 1);
  thread_.join();
  unlink(path_.c_str());
  close(listener_);
  close(stop_);
}

void ControlServer::Serve() {
  for (;;) {
    pollfd waits[] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) return;
    Descriptor connection(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0) Answer(connection.get());
  }
}

void ControlServer::Answer(int connection) {
  const auto line = ReadLine(connection);
  if (!line) return;
  json answer;
  try {
    answer = handler_(json::parse(*line));
    answer["ok"] = true;
  } catch (const Error& error) {
    answer = {{"ok", false}, {"error", ToJson(error.fields())}};
  } catch (const std::exception& error) {  // the thread's edge: a bad request must not end the run
    answer = {{"ok", false}, {"error", {{"code", "REQUEST_INVALID"}, {"message", error.what()}}}};
  }
  WriteLine(connection, answer);
}

std::optional<json> AskOwner(const std::string& path, const json& request) {
  Address address(path);
  if (!address.is_good) return {};
  // An owner that stands still, and a queue of others that gave up waiting: not one more.
  Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0 ||
      connect(connection.get(), address.get(), sizeof(address.value)) != 0 ||
      !WriteLine(connection.get(), request)) {
    return {};
  }
  const auto line = ReadLine(connection.get());
  if (!line) return {};
  json answer = json::parse(*line, nullptr, false);
  if (answer.is_discarded()) return {};
  if (!answer.value("ok", false)) throw Error(ErrorFromJson(answer.value("error", json::object())));
  return answer;
}

}  // namespace godwit

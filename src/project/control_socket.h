// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>

namespace godwit {

// The door of a running project: a unix socket on which other processes of the same user ask. One
// JSON object per line, one request and one answer per connection. The answer holds "ok", and where
// it is false "error".
class ControlServer {
 public:
  // Called from the server's thread; what it throws becomes the answer's error.
  using Handler = std::function<nlohmann::json(const nlohmann::json& request)>;

  // `path` may be longer than a socket address takes. Whoever makes one holds the project's lock: a
  // socket left by a crash is replaced. Throws CONTROL_SOCKET_FAILED.
  ControlServer(std::string path, Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  void Serve();
  void Answer(int connection);

  const std::string path_;
  const Handler handler_;
  int listener_ = -1;
  int stop_ = -1;  // an eventfd
  std::thread thread_;
};

// Asks the project's owner; nullopt where nobody answers (no owner, or it just ended).
std::optional<nlohmann::json> AskOwner(const std::string& path, const nlohmann::json& request);

}  // namespace godwit

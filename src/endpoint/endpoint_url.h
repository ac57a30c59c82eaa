// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace godwit {

// Where a database is and how to get in: scheme://user:password@host:port/?option=value…
// User and password are percent-decoded. A password comes from the URL, from `password_file=` (its
// first line) or from `password_env=`; it is never part of Redacted().
struct EndpointUrl {
  std::string scheme;
  std::string user;
  std::string password;
  std::string host;
  uint16_t port = 0;  // 0: the kind's default
  std::map<std::string, std::string> options;
  bool password_was_inline = false;

  // Throws URL_INVALID, PASSWORD_UNREADABLE.
  static EndpointUrl Parse(std::string_view text);
  // For people, logs and the state directory: without the password.
  std::string Redacted() const;
  std::string Option(const std::string& name, std::string_view otherwise = "") const;
};

}  // namespace godwit

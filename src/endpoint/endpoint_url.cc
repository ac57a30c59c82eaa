// SPDX-License-Identifier: Apache-2.0
#include "endpoint/endpoint_url.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "model/names.h"

namespace godwit {
namespace {

constexpr std::string_view kForm = "scheme://user:password@host:port/?option=value";

// Takes what is safe to show only: the text itself may hold a password.
[[noreturn]] void FailUrl(std::string_view problem) {
  throw Error({.code = "URL_INVALID",
               .kind = ErrorKind::kBlocked,
               .message = "the URL cannot be understood: " + std::string(problem),
               .cause = "a database is named as " + std::string(kForm),
               .remedy = "write it in that form, with %xx for :, /, @, %, ? and # in user, "
                         "password and options"});
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decoded(std::string_view text, std::string_view part) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      FailUrl("a % in the " + std::string(part) + " is not followed by two hexadecimal digits");
    }
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) {
    FailUrl("the " + std::string(part) + " holds a zero byte");
  }
  return out;
}

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string Encoded(std::string_view text, std::string_view also_plain) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (IsPlain(c) || also_plain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
      out.push_back(kHex[static_cast<uint8_t>(c) & 15]);
    }
  }
  return out;
}

void ParseHost(std::string_view text, EndpointUrl& url) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) FailUrl("the ] after an IPv6 address is missing");
    url.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') FailUrl("only a port may stand behind the ]");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const size_t colon = text.find(':');
    if (colon != text.rfind(':')) FailUrl("an IPv6 address is written in square brackets");
    url.host = Decoded(text.substr(0, colon), "host");
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (url.host.empty()) FailUrl("the host is missing");
  if (!has_port) return;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
    FailUrl("the port is no number from 1 to 65535");
  }
}

void ParseOptions(std::string_view text, EndpointUrl& url) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view option = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (option.empty()) continue;
    const size_t equals = option.find('=');
    const std::string name = Decoded(option.substr(0, equals), "name of an option");
    const std::string_view value =
        equals == std::string_view::npos ? "" : option.substr(equals + 1);
    if (name == "password") FailUrl("a password is no option; it stands behind the user's name");
    if (name.empty()) FailUrl("an option has no name");
    if (value.empty()) FailUrl("option '" + name + "' has no value");
    if (!url.options.emplace(name, Decoded(value, "value of an option")).second) {
      FailUrl("option '" + name + "' is given twice");
    }
  }
}

[[noreturn]] void FailPassword(const EndpointUrl& url, std::string message, std::string cause,
                               std::string remedy) {
  throw Error({.code = "PASSWORD_UNREADABLE",
               .kind = ErrorKind::kBlocked,
               .object = url.Redacted(),
               .message = std::move(message),
               .cause = std::move(cause),
               .remedy = std::move(remedy)});
}

void ReadPassword(EndpointUrl& url) {
  const std::string file = url.Option("password_file");
  const std::string variable = url.Option("password_env");
  if (int(url.password_was_inline) + int(!file.empty()) + int(!variable.empty()) > 1) {
    FailUrl("the password is given in more than one way");
  }
  if (!file.empty()) {
    std::ifstream in(file);
    if (!std::getline(in, url.password)) {
      FailPassword(url, "no password can be read from '" + file + "'",
                   "the file is missing, empty or not readable for this user",
                   "write the password into the file's first line and let this user read it");
    }
    if (url.password.ends_with('\r')) url.password.pop_back();
  }
  if (!variable.empty()) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) {
      FailPassword(url, "the environment variable '" + variable + "' is not set",
                   "password_env names a variable that this process does not have",
                   "set it before starting, or use password_file");
    }
    url.password = value;
  }
}

}  // namespace

EndpointUrl EndpointUrl::Parse(std::string_view text) {
  EndpointUrl url;
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) FailUrl("it does not begin with scheme://");
  for (char c : text.substr(0, colon)) {
    const char folded = FoldAscii(c);
    if (!IsPlain(folded) && folded != '+') FailUrl("the scheme has a character that none has");
    url.scheme.push_back(folded);
  }
  std::string_view rest = text.substr(colon + 3);
  // The last @ before path and options: one in a password that was not encoded is then still found.
  const size_t question = rest.find('?');
  const size_t at = rest.substr(0, question).rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view login = rest.substr(0, at);
    const size_t split = login.find(':');
    url.user = Decoded(login.substr(0, split), "user");
    if (split != std::string_view::npos) {
      url.password = Decoded(login.substr(split + 1), "password");
      url.password_was_inline = true;
    }
    rest.remove_prefix(at + 1);
  }
  const size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  ParseHost(rest.substr(0, host_end), url);
  rest.remove_prefix(host_end);
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.starts_with('?')) {
    ParseOptions(rest.substr(1), url);
  } else if (!rest.empty()) {
    FailUrl(
        "only options (?name=value) may stand behind the host; databases are chosen by the "
        "object rules");
  }
  ReadPassword(url);
  return url;
}

std::string EndpointUrl::Redacted() const {
  std::string out = scheme + "://";
  if (!user.empty()) out += Encoded(user, "") + "@";
  const bool is_ipv6 = host.find(':') != std::string::npos;
  out += is_ipv6 ? "[" + host + "]" : Encoded(host, "");
  if (port != 0) out += ":" + std::to_string(port);
  char separator = '?';
  if (!options.empty()) out += "/";
  for (const auto& [name, value] : options) {
    out += separator + Encoded(name, "") + "=" + Encoded(value, "/");
    separator = '&';
  }
  return out;
}

std::string EndpointUrl::Option(const std::string& name, std::string_view otherwise) const {
  const auto found = options.find(name);
  return found == options.end() ? std::string(otherwise) : found->second;
}

}  // namespace godwit

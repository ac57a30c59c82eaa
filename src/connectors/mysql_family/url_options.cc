// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/url_options.h"

#include <charconv>
#include <limits>
#include <string>

namespace godwit::mysql {
namespace {

constexpr uint64_t kLongestTimeout = 1'000'000;  // seconds; the client library counts milliseconds

bool IsNumber(const std::string& text, uint64_t highest) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end && value >= 1 && value <= highest;
}

}  // namespace

std::vector<UrlOption> UrlOptions() {
  auto is_timeout = [](const EndpointUrl&, const std::string& value) {
    return IsNumber(value, kLongestTimeout);
  };
  return {
      {"tls", "off, on or verify",
       [](const EndpointUrl&, const std::string& value) {
         return value == "off" || value == "on" || value == "verify";
       }},
      // Without it nothing is verified, however well the authority was named.
      {"tls_ca", "a file's path, together with tls=verify",
       [](const EndpointUrl& url, const std::string&) { return url.Option("tls") == "verify"; }},
      {"connect_timeout", "seconds, 1 to 1000000", is_timeout},
      {"network_timeout", "seconds, 1 to 1000000", is_timeout},
      {"server_id", "a number from 1 to 4294967295",
       [](const EndpointUrl&, const std::string& value) {
         return IsNumber(value, std::numeric_limits<uint32_t>::max());
       }},
  };
}

}  // namespace godwit::mysql

// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/url_options.h"

#include <gtest/gtest.h>

#include <string>

namespace godwit::mysql {
namespace {

// "" where the registry has nothing against the URL, or the error's cause.
std::string Refusal(const std::string& options) {
  Registry registry;
  registry.Add("mysql", [](const EndpointUrl&, Side) { return nullptr; }, UrlOptions());
  try {
    registry.Check(EndpointUrl::Parse("mysql://u@h/?" + options), Side::kSource);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "URL_OPTION_INVALID") << options;
    return error.fields().cause;
  }
  return "";
}

TEST(UrlOptionsTest, TakeWhatTheyMean) {
  for (const char* good : {"", "tls=off", "tls=on", "tls=verify", "tls=verify&tls_ca=/a/ca.pem",
                           "tls_ca=ca.pem&tls=verify", "connect_timeout=1&network_timeout=1000000",
                           "server_id=1", "server_id=4294967295"}) {
    EXPECT_EQ(Refusal(good), "") << good;
  }
}

// Above all nothing that would leave a connection in clear, or unverified, by mistake.
TEST(UrlOptionsTest, RefuseWhatTheyCannotMean) {
  for (const char* bad : {"tls=verfy",
                          "tls=ON",
                          "tls=1",
                          "tls=true",
                          "tls=verify%20",
                          "ssl=on",
                          "Tls=on",
                          "tls_ca=/a/ca.pem",
                          "tls=off&tls_ca=/a/ca.pem",
                          "tls=on&tls_ca=/a/ca.pem",
                          "connect_timeout=0",
                          "connect_timeout=ten",
                          "connect_timeout=10s",
                          "connect_timeout=-1",
                          "connect_timeout=1.5",
                          "connect_timeout=%2010",
                          "connect_timeout=1000001",
                          "network_timeout=0",
                          "network_timeout=99999999999999999999",
                          "server_id=0",
                          "server_id=4294967296",
                          "server_id=x"}) {
    EXPECT_NE(Refusal(bad), "") << bad;
  }
  EXPECT_EQ(Refusal("tls=verfy"), "tls takes off, on or verify");
  EXPECT_EQ(Refusal("tsl=on"),
            "mysql:// takes the options password_file, password_env, tls, tls_ca, "
            "connect_timeout, network_timeout, server_id");
}

}  // namespace
}  // namespace godwit::mysql

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "base/error.h"
#include "endpoint/endpoint_url.h"
#include "endpoint/registry.h"
#include "endpoint/sink.h"

namespace godwit {
namespace {

TEST(EndpointUrl, TakesItApart) {
  const auto url = EndpointUrl::Parse("MySQL://r%40ot:p%3aw@h.example:3307/?tls=on&ca=%2fx%20y");
  EXPECT_EQ(url.scheme, "mysql");
  EXPECT_EQ(url.user, "r@ot");
  EXPECT_EQ(url.password, "p:w");
  EXPECT_TRUE(url.password_was_inline);
  EXPECT_EQ(url.host, "h.example");
  EXPECT_EQ(url.port, 3307);
  EXPECT_EQ(url.Option("ca"), "/x y");
  EXPECT_EQ(url.Option("other", "default"), "default");
  EXPECT_EQ(url.Redacted(), "mysql://r%40ot@h.example:3307/?ca=/x%20y&tls=on");
  EXPECT_EQ(EndpointUrl::Parse(url.Redacted()).options, url.options);
}

TEST(EndpointUrl, TakesShortForms) {
  const auto url = EndpointUrl::Parse("oceanbase-mysql://root@[::1]:2881");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 2881);
  EXPECT_FALSE(url.password_was_inline);
  EXPECT_EQ(url.Redacted(), "oceanbase-mysql://root@[::1]:2881");
  EXPECT_EQ(EndpointUrl::Parse("mysql://h").port, 0);
  // OceanBase's user@tenant#cluster, and a password with an @, also unencoded.
  const auto tenant = EndpointUrl::Parse("x://u@tenant:p@ss@h/");
  EXPECT_EQ(tenant.user, "u@tenant");
  EXPECT_EQ(tenant.password, "p@ss");
  EXPECT_EQ(EndpointUrl::Parse("oceanbase://u%40tenant%23cluster:p@h:2883").user,
            "u@tenant#cluster");
}

TEST(EndpointUrl, ReadsPasswordsFromElsewhere) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("godwit_endpoint_test_password" + std::to_string(getpid()));
  std::ofstream(file) << "secret\r\nmore\n";
  auto url = EndpointUrl::Parse("mysql://u@h/?password_file=" + file.string());
  EXPECT_EQ(url.password, "secret");
  EXPECT_FALSE(url.password_was_inline);
  std::filesystem::remove(file);
  setenv("GODWIT_TEST_PASSWORD", "from env", 1);
  url = EndpointUrl::Parse("mysql://u@h/?password_env=GODWIT_TEST_PASSWORD");
  EXPECT_EQ(url.password, "from env");
  EXPECT_EQ(url.Redacted(), "mysql://u@h/?password_env=GODWIT_TEST_PASSWORD");
}

std::string CodeOf(const std::string& url) {
  try {
    EndpointUrl::Parse(url);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    EXPECT_FALSE(error.fields().cause.empty());
    EXPECT_FALSE(error.fields().remedy.empty());
    return error.code();
  }
  return "";
}

TEST(EndpointUrl, RefusesOthersWithoutShowingThePassword) {
  for (const char* url : {"",
                          "mysql",
                          "://h",
                          "my sql://u:hunter2@h",
                          "mysql://u:hunter2@",
                          "mysql://u:hunter2@h:0",
                          "mysql://u:hunter2@h:66000",
                          "mysql://u:hunter2@h:x",
                          "mysql://u:hunter2%zz@h",
                          "mysql://u:hunter2%4",
                          "mysql://u:hunter2@[::1",
                          "mysql://u:hunter2@::1",
                          "mysql://u:hunter2@h/db",
                          "mysql://u:hunter2@h/?=1",
                          "mysql://u@h/?password=hunter2",
                          "mysql://u:hunter2@h/?a=1&a=2",
                          "mysql://u:hunter2@h/?tls",
                          "mysql://u:hunter2@h/?tls=",
                          "mysql://u:hunter2@h/?password_env=HOME",
                          "mysql://u:hunter2%00@h"}) {
    EXPECT_EQ(CodeOf(url), "URL_INVALID") << url;
  }
  EXPECT_EQ(CodeOf("mysql://u@h/?password_file=/nonexistent/file"), "PASSWORD_UNREADABLE");
  EXPECT_EQ(CodeOf("mysql://u@h/?password_env=GODWIT_NOT_SET"), "PASSWORD_UNREADABLE");
}

TEST(Registry, NamesTheSchemesItKnows) {
  Registry registry;
  registry.Add("mysql", [](const EndpointUrl&, Side) { return nullptr; });
  registry.Add("memory", [](const EndpointUrl&, Side) { return nullptr; });
  EXPECT_EQ(registry.Open(EndpointUrl::Parse("mysql://h"), Side::kSource), nullptr);
  try {
    registry.Open(EndpointUrl::Parse("oracle://u:hunter2@h"), Side::kSource);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "URL_SCHEME_UNKNOWN");
    EXPECT_NE(error.fields().remedy.find("memory, mysql"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos);
  }
}

TEST(Registry, TakesTheOptionsOfAKindAlone) {
  Registry registry;
  auto open = [](const EndpointUrl&, Side) { return nullptr; };
  registry.Add("mysql", open,
               {{"tls", "off or on", [](const EndpointUrl& url, const std::string& value) {
                   return value == "off" || (value == "on" && url.user == "u");
                 }}});
  registry.Add("memory", open);
  setenv("GODWIT_TEST_PASSWORD", "from env", 1);
  for (const char* good : {"mysql://h", "mysql://h?tls=off", "mysql://u@h?tls=on",
                           "memory://h?password_env=GODWIT_TEST_PASSWORD"}) {
    EXPECT_EQ(registry.Open(EndpointUrl::Parse(good), Side::kSource), nullptr) << good;
  }
  for (const auto& [bad, cause] : std::map<std::string, std::string>{
           {"mysql://h?tsl=on&passwd=hunter2", "password_file, password_env, tls"},
           {"mysql://h?TLS=on", "password_file, password_env, tls"},
           {"mysql://u@h?tls=hunter3", "tls takes off or on"},
           {"mysql://h?tls=on", "tls takes off or on"},
           {"memory://h?tls=on", "password_file, password_env"}}) {
    try {
      registry.Check(EndpointUrl::Parse(bad), Side::kSource);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "URL_OPTION_INVALID");
      EXPECT_NE(error.fields().cause.find(cause), std::string::npos) << error.fields().cause;
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
    EXPECT_THROW(registry.Open(EndpointUrl::Parse(bad), Side::kSource), Error) << bad;
  }
}

TEST(LaneProgress, ReadsBack) {
  LaneProgress progress{
      .low = 7, .done = {9, 10, 11, 12, 15}, .shares = {{20, 31, 4, 2, 77}}, .chunks = {3, 8}};
  EXPECT_EQ(progress.Encode(), "low=7;done=9-12,15;shares=20-31/4:2#77;chunks=3,8");
  EXPECT_EQ(LaneProgress::Decode(progress.Encode()), progress);
  EXPECT_EQ(LaneProgress{}.Encode(), "low=0");
  EXPECT_EQ(LaneProgress::Decode(""), LaneProgress{});
  std::mt19937_64 random(5);
  for (int i = 0; i < 500; ++i) {
    progress = {};
    progress.low = random();
    uint64_t next = random() % 1000;
    for (uint64_t n = random() % 20; n > 0; --n) progress.done.push_back(next += 1 + random() % 3);
    for (uint64_t n = random() % 3; n > 0; --n) {
      const auto share = static_cast<uint32_t>(random() % 8);
      progress.shares.push_back({next, next + random() % 9, 8, share, random()});
    }
    for (uint64_t n = random() % 3; n > 0; --n) progress.chunks.push_back(random());
    EXPECT_EQ(LaneProgress::Decode(progress.Encode()), progress) << progress.Encode();
  }
}

TEST(LaneProgress, RefusesDamage) {
  for (const char* text : {"low",
                           "low=",
                           "low=x",
                           "low=-1",
                           "low=1;",
                           "low=1;done=",
                           "low=1;done=3,2",
                           "low=1;done=5-4",
                           "low=1;done=1-18446744073709551615",
                           "low=1;done=4-6,6",
                           "low=99999999999999999999",
                           "low=1;shares=5-4/2:1#1",
                           "low=1;shares=1-2/2:2#1",
                           "low=1;shares=1-2/0:0#1",
                           "low=1;shares=1-2/4294967296:0#1",
                           "low=1;shares=1-2/2:1",
                           "low=1;chunks=2;done=3",
                           "low=1 ",
                           "low=1;more=2",
                           "LOW=1"}) {
    EXPECT_THROW(LaneProgress::Decode(text), Error) << text;
  }
}

}  // namespace
}  // namespace godwit

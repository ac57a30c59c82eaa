// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/checks.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

namespace godwit::mysql {
namespace {

using Status = CheckResult::Status;
using testing::HasSubstr;

Status StatusOf(Flavor flavor, std::string version, int number) {
  CheckList list(Side::kSource);
  ServerInfo server;
  server.flavor = flavor;
  server.version = std::move(version);
  server.version_number = number;
  CheckVersion(list, server);
  return list.Take().at(0).status;
}

TEST(Checks, VersionsThatAreTooOld) {
  EXPECT_EQ(StatusOf(Flavor::kMySql, "5.5.62", 50562), Status::kFail);
  EXPECT_EQ(StatusOf(Flavor::kMySql, "5.6.51", 50651), Status::kPass);
  EXPECT_EQ(StatusOf(Flavor::kMySql, "9.7.0", 90700), Status::kPass);
  EXPECT_EQ(StatusOf(Flavor::kMariaDb, "10.0.38-MariaDB", 100038), Status::kFail);
  EXPECT_EQ(StatusOf(Flavor::kMariaDb, "10.1.48-MariaDB", 100148), Status::kPass);
  EXPECT_EQ(StatusOf(Flavor::kOceanBase, "5.7.25-OceanBase-v4.3.5", 50725), Status::kPass);
  EXPECT_EQ(StatusOf(Flavor::kOceanBase, "5.7.25-OceanBase-v3.2.4", 50725), Status::kWarn);
  EXPECT_EQ(StatusOf(Flavor::kOceanBase, "5.7.25-OceanBase seekdb-v1.4.0", 50725), Status::kPass);
}

CheckResult Packet(uint64_t limit, uint64_t largest, size_t unmeasured) {
  CheckList list(Side::kDestination);
  ServerInfo server;
  server.max_allowed_packet = limit;
  CheckRequest request;
  request.largest_source_row = largest;
  request.unmeasured_tables = unmeasured;
  CheckPacket(list, server, request);
  return list.Take().at(0);
}

TEST(Checks, RowsAboveThePacketLimit) {
  EXPECT_EQ(Packet(16 << 20, 1000, 0).status, Status::kPass);
  EXPECT_EQ(Packet(16 << 20, 9 << 20, 0).status, Status::kWarn);
  EXPECT_EQ(Packet(16 << 20, 16 << 20, 0).status, Status::kFail);
  EXPECT_EQ(Packet(16 << 20, 1000, 2).status, Status::kWarn);
  EXPECT_EQ(Packet(64 << 20, 1000, 2).status, Status::kPass);
  EXPECT_THAT(Packet(64 << 20, 1000, 2).message, HasSubstr("of 2 tables could not be found"));
}

TEST(Checks, ALogThatIsOff) {
  for (const char* off : {"OFF", ""}) {
    CheckList list(Side::kSource);
    EXPECT_FALSE(CheckLogBin(list, off));
    const CheckResult result = list.Take().at(0);
    EXPECT_EQ(result.item, "log_bin");
    EXPECT_EQ(result.status, Status::kFail);
    EXPECT_THAT(result.remedy, HasSubstr("--log-bin"));
  }
  CheckList list(Side::kSource);
  EXPECT_TRUE(CheckLogBin(list, "ON"));
  EXPECT_EQ(list.Take().at(0).status, Status::kPass);
}

CheckResult Used(std::optional<double> share) {
  CheckList list(Side::kDestination);
  CheckUse(list, "data_disk", "the disk for data", share, "add room");
  return list.Take().at(0);
}

TEST(Checks, WhatIsNearlyFullIsWarnedOf) {
  const CheckResult full = Used(0.9);
  EXPECT_EQ(full.item, "data_disk");
  EXPECT_EQ(full.status, Status::kWarn);
  EXPECT_EQ(full.message, "the disk for data is used to 90 %");
  EXPECT_EQ(full.remedy, "add room");
  const CheckResult empty = Used(0.1);
  EXPECT_EQ(empty.status, Status::kPass);
  EXPECT_EQ(empty.message, "the disk for data is used to 10 %");
  const CheckResult unknown = Used({});
  EXPECT_EQ(unknown.status, Status::kPass);
  EXPECT_THAT(unknown.message, HasSubstr("not told"));
}

CheckResult Named(std::string table, int lower_case_table_names, bool creates) {
  auto schema = std::make_shared<TableSchema>();
  schema->name = {"shop", std::move(table)};
  ServerInfo server;
  server.lower_case_table_names = lower_case_table_names;
  CheckRequest request;
  request.side = Side::kDestination;
  request.tables = {schema};
  request.creates = creates;
  CheckList list(Side::kDestination);
  CheckNames(list, server, request);
  return list.Take().at(0);
}

TEST(Checks, CapitalsAreWarnedOfWhereTheyAreLost) {
  const CheckResult lost = Named("Orders", 1, true);
  EXPECT_EQ(lost.status, Status::kWarn);
  EXPECT_THAT(lost.message, HasSubstr("shop.Orders"));
  EXPECT_EQ(Named("orders", 1, true).status, Status::kPass);
  EXPECT_EQ(Named("Orders", 0, true).status, Status::kPass);
  EXPECT_EQ(Named("Orders", 2, true).status, Status::kPass);
  EXPECT_EQ(Named("Orders", 1, false).status, Status::kPass);
}

TEST(Checks, CapitalsThatTheLogDoesNotHave) {
  auto source = [](std::string table, int lower_case_table_names, bool captures) {
    auto schema = std::make_shared<TableSchema>();
    schema->name = {"shop", std::move(table)};
    ServerInfo server;
    server.lower_case_table_names = lower_case_table_names;
    CheckRequest request;
    request.side = Side::kSource;
    request.tables = {schema};
    request.captures = captures;
    CheckList list(Side::kSource);
    CheckNames(list, server, request);
    return list.Take().at(0);
  };
  const CheckResult missed = source("Orders", 2, true);
  EXPECT_EQ(missed.status, Status::kFail);
  EXPECT_THAT(missed.message, HasSubstr("shop.Orders"));
  EXPECT_EQ(source("Äpfel", 2, true).status, Status::kFail);
  EXPECT_EQ(source("orders", 2, true).status, Status::kPass);
  EXPECT_EQ(source("Orders", 2, false).status, Status::kPass);
  EXPECT_EQ(source("Orders", 0, true).status, Status::kPass);
}

CheckResult Moded(const std::string& mode) {
  CheckList list(Side::kSource);
  CheckSqlMode(list, mode);
  return list.Take().at(0);
}

TEST(Checks, ModesUnderWhichStatementsReadOtherwise) {
  for (const char* mode : {"PIPES_AS_CONCAT", "STRICT_ALL_TABLES,HIGH_NOT_PRECEDENCE",
                           "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ANSI"}) {
    EXPECT_EQ(Moded(mode).status, Status::kWarn) << mode;
    EXPECT_THAT(Moded(mode).message, HasSubstr(mode));
  }
  for (const char* mode : {"", "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
                           "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"}) {
    EXPECT_EQ(Moded(mode).status, Status::kPass) << mode;
  }
}

}  // namespace
}  // namespace godwit::mysql

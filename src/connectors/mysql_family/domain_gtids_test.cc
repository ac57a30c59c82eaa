// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/domain_gtids.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "connectors/mysql_family/binlog_position.h"

namespace godwit::mysql {
namespace {

DomainGtids Of(const std::string& text) { return DomainGtids::Parse(text); }

TEST(DomainGtids, ReadAndWriteTheServersText) {
  EXPECT_EQ(Of("7-2-9,0-1-42").ToString(), "0-1-42,7-2-9");
  EXPECT_EQ(Of("").ToString(), "");
  EXPECT_EQ(Of("4294967295-4294967295-18446744073709551615,0-1-3!").ToString(),
            "0-1-3!,4294967295-4294967295-18446744073709551615");
  for (const char* bad : {"0-1", "0-1-", "0-1-2-3", "4294967296-1-1", "x", "0-1-2!!", "-1-1-1"}) {
    EXPECT_THROW(Of(bad), Error) << bad;
  }
  EXPECT_TRUE(DomainGtids::IsText("0-1-42"));
  EXPECT_FALSE(DomainGtids::IsText("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"));
}

TEST(DomainGtids, TheLastOfEachDomainCounts) {
  DomainGtids gtids = Of("0-1-42");
  gtids.Add({.domain = 0, .server = 2, .number = 50});
  gtids.Add({.domain = 7, .server = 1, .number = 1});
  EXPECT_EQ(gtids.ToString(), "0-2-50,7-1-1");
  gtids.AddMissing(Of("7-9-99,8-1-5"));
  EXPECT_EQ(gtids.ToString(), "0-2-50,7-1-1,8-1-5");
}

TEST(DomainGtids, ALowerNumberLeavesNoPlaceUntilAHigherOneComes) {
  DomainGtids gtids = Of("0-1-42,7-1-1");
  gtids.Add({.domain = 0, .server = 1, .number = 42});
  EXPECT_EQ(gtids.ToString(), "0-1-42!,7-1-1");
  EXPECT_FALSE(gtids.is_ordered());
  gtids.Add({.domain = 0, .server = 1, .number = 43});
  EXPECT_EQ(gtids.ToString(), "0-1-43,7-1-1");
  EXPECT_TRUE(gtids.is_ordered());
}

TEST(DomainGtids, ContainWhatIsBeforeThemInEveryDomain) {
  EXPECT_TRUE(Of("0-2-43,7-1-1").Contains(Of("0-1-42")));
  EXPECT_TRUE(Of("0-1-42").Contains(Of("0-1-42!")));
  EXPECT_FALSE(Of("0-2-42").Contains(Of("0-1-42"))) << "two histories";
  EXPECT_FALSE(Of("0-1-99").Contains(Of("0-1-42,7-1-1")));
  EXPECT_TRUE(Of("0-1-42").HasPassed({.domain = 0, .server = 3, .number = 42}));
  EXPECT_FALSE(Of("0-1-42").HasPassed({.domain = 0, .server = 3, .number = 43}));
  EXPECT_FALSE(Of("0-1-42").HasPassed({.domain = 1, .server = 1, .number = 1}));
}

TEST(DomainGtids, AServerHasThemIfItLoggedEachOneOrStandsThere) {
  auto is_reached = [](const std::string& read, const std::string& logged,
                       const std::string& applied) {
    return Of(read).IsReachedBy(DomainGtid::ParseList(logged), DomainGtid::ParseList(applied));
  };
  EXPECT_TRUE(is_reached("0-1-42", "0-1-60,0-2-61", ""));
  EXPECT_FALSE(is_reached("0-1-42", "0-1-41,0-2-61", "")) << "it went on without the last one";
  EXPECT_FALSE(is_reached("0-1-42,7-1-1", "0-1-42", "")) << "a domain it knows nothing of";
  EXPECT_TRUE(is_reached("0-1-42,7-1-1", "0-1-42", "7-1-1")) << "of before its log";
  EXPECT_FALSE(is_reached("0-1-42,7-1-1", "0-1-42", "7-1-2")) << "which it has not logged";
}

TEST(DomainGtids, OrderPlacesOfTwoServers) {
  const BinlogPosition read{"1", "bl.000009", 900, "0-1-42,7-1-1"};
  const BinlogPosition same{"2*", "bl.000001", 300, "0-1-42,7-1-1"};
  const BinlogPosition next{"2*", "bl.000001", 400, "0-2-43,7-1-1"};
  EXPECT_EQ(Compare(read, same), 0);
  EXPECT_LT(Compare(read, next), 0);
  EXPECT_GT(Compare(next, read), 0);
  EXPECT_LT(Compare(same, next), 0);
  EXPECT_GT(Compare({"2", "bl.000001", 4, "0-2-44,7-1-1"}, next), 0);
  EXPECT_NE(Compare(read, {"a", "bl.000009", 900, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1"}), 0);
}

}  // namespace
}  // namespace godwit::mysql

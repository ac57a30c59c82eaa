// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/gtid_set.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "connectors/mysql_family/binlog_position.h"

namespace godwit::mysql {
namespace {

const std::string kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const std::string kB = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

TEST(GtidSet, ReadsAndWritesTheServersText) {
  GtidSet set = GtidSet::Parse("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5:7,\n " + kB + ":3");
  EXPECT_EQ(set.ToString(), kA + ":1-5:7," + kB + ":3");
  EXPECT_EQ(GtidSet::Decode(set.Encode()), set);
  EXPECT_TRUE(GtidSet::Parse("").empty());
  for (const char* bad : {"x", "3e11fa47-71ca-11e1-9e33-c80aa9429562", ":1"}) {
    EXPECT_THROW(GtidSet::Parse(bad), Error) << bad;
  }
}

TEST(GtidSet, KeepsTagsApart) {
  GtidSet set = GtidSet::Parse(kA + ":1-5:blue:1-2:9:red:7");
  EXPECT_EQ(set.ToString(), kA + ":1-5," + kA + ":blue:1-2:9," + kA + ":red:7");
  EXPECT_EQ(GtidSet::Decode(set.Encode()), set);
  EXPECT_FALSE(GtidSet::Parse(kA + ":1-9").Contains(set));
}

// What no server writes is damage, and must not become a position.
TEST(GtidSet, RefusesWhatNoServerGivesOut) {
  for (const std::string& bad : {kA + ":0", kA + ":9223372036854775808", kA + ":Blau!:1",
                                 kA + ":" + std::string(33, 'a') + ":1",
                                 std::string("3e11fa47-71ca-11e1-9e33-c80aa94295`2:1")}) {
    EXPECT_THROW(GtidSet::Parse(bad), Error) << bad;
  }
  std::string bytes = GtidSet::Parse(kA + ":blue:1-2").Encode();
  EXPECT_NO_THROW(GtidSet::Decode(bytes));
  std::string tag = bytes;
  tag[8 + 16 + 1] = ',';
  EXPECT_THROW(GtidSet::Decode(tag), Error);
  std::string end = bytes;
  end.replace(end.size() - 8, 8, std::string(8, '\0'));
  EXPECT_THROW(GtidSet::Decode(end), Error);
}

TEST(GtidSet, JoinsIntervals) {
  GtidSet set;
  for (uint64_t n : {5, 1, 2, 9, 4, 3, 10, 7}) set.Add(kA, n);
  EXPECT_EQ(set.ToString(), kA + ":1-5:7:9-10");
  set.Add(kA, 8);
  set.Add(kA, 6);
  set.Add(kA, 6);
  EXPECT_EQ(set.ToString(), kA + ":1-10");
  EXPECT_TRUE(set.Contains(GtidSet::Parse(kA + ":2-3:10")));
  EXPECT_FALSE(set.Contains(GtidSet::Parse(kA + ":10-11")));
  EXPECT_FALSE(set.Contains(GtidSet::Parse(kB + ":1")));
  EXPECT_TRUE(set.Contains(kA, 10));
  EXPECT_FALSE(set.Contains(kA, 11));
  EXPECT_FALSE(set.Contains(kB, 1));
}

TEST(BinlogPosition, OrdersByFileThenOffset) {
  BinlogPosition a{"", "bl.999999", 500, ""};
  BinlogPosition b{"", "bl.1000000", 4, ""};
  EXPECT_LT(Compare(a, b), 0);
  EXPECT_GT(Compare(b, a), 0);
  BinlogPosition c = a;
  c.offset = 501;
  EXPECT_LT(Compare(a, c), 0);
  EXPECT_EQ(BinlogPosition::Decode(c.Encode()), c);
}

TEST(BinlogPosition, OrdersTwoServersByWhatTheyExecuted) {
  BinlogPosition old_server{"one", "bl.000009", 900, kA + ":1-5"};
  BinlogPosition new_server{"two", "bl.000001", 200, kA + ":1-6"};
  EXPECT_LT(Compare(old_server, new_server), 0);
  EXPECT_GT(Compare(new_server, old_server), 0);
}

}  // namespace
}  // namespace godwit::mysql

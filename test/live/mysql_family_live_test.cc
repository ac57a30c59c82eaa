// SPDX-License-Identifier: Apache-2.0
// Reading, digests and checks on every server of the MySQL family.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "model/logical_type.h"
#include "test/live/live_server.h"

namespace godwit::live {
namespace {

using mysql::Flavor;

class EveryServer : public ::testing::TestWithParam<std::string> {
 protected:
  Server server_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Family, EveryServer, ::testing::ValuesIn(AllServers()),
                         [](const auto& server) { return server.param; });

std::string Bytes(std::initializer_list<int> values) {
  std::string out;
  for (int value : values) out.push_back(static_cast<char>(value));
  return out;
}

std::string AllBytes() {
  std::string out;
  for (int i = 0; i < 256; ++i) out.push_back(static_cast<char>(i));
  return out;
}

// Types whose digests every server computes alike.
constexpr const char* kDigestTable =
    "(id BIGINT UNSIGNED PRIMARY KEY, i INT, t TINYINT, z INT(6) UNSIGNED ZEROFILL, y YEAR, "
    "de DECIMAL(20,4), bi BIT(12), e ENUM('a','b',''), s SET('x','y'), da DATE, dt DATETIME(3), "
    "ts TIMESTAMP(3) NULL DEFAULT NULL, ti TIME(2), c CHAR(6), vc VARCHAR(40), tx TEXT, "
    "bn BINARY(4), vb VARBINARY(300), bl BLOB) DEFAULT CHARSET=utf8mb4";

std::vector<std::vector<Cell>> DigestRows() {
  const Cell null;
  return {
      {"0", "-5", "-128", "7", "0", "-0.5000", Bytes({0x05, 0xff}), "a", "x,y", "0000-00-00",
       "0000-00-00 00:00:00.000", "0000-00-00 00:00:00.000", "-838:59:59.00", "ab", "it's \\ \"q\"",
       "line\nline\r\t%_", Bytes({1, 0, 0, 0}), AllBytes(), Bytes({0, 39, 92, 10, 26})},
      {"18446744073709551615", "2147483647", "127", "999999", "2155", "9999999999999999.9999",
       Bytes({0x0f, 0xfe}), "", "", "9999-12-31", "9999-12-31 23:59:59.999",
       "2038-01-19 03:14:07.000", "838:59:59.00", "", "", "", Bytes({0xff, 0xfe, 0, 1}), "", ""},
      {"2", null, null, null, null, null, null, null, null, null, null, null, null, null, null,
       null, null, null, null},
      {"3", "0", "0", "0", "1901", "0.0000", Bytes({0, 0}), Bytes({0}), "y", "1000-01-01",
       "1000-01-01 00:00:00.001", "1970-01-01 00:00:01.000", "00:00:00.01", "ß", "日本語 €",
       "\xF0\x9F\x90\xA6 ä", Bytes({0, 0, 0, 0}), Bytes({0}), Bytes({0xc3, 0x28})},
  };
}

TEST_P(EveryServer, CellsComeBackAsTheyWereWritten) {
  auto table = server_.Make("cells", kDigestTable);
  auto rows = DigestRows();
  LoadRows(server_, table, rows);
  auto read = ReadAll(server_, table);
  std::swap(rows[1], rows[3]);  // into key order
  std::swap(rows[1], rows[2]);
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read[0], rows[0]);
  EXPECT_EQ(read[1], rows[1]);
  EXPECT_EQ(read[2], rows[2]);
  EXPECT_EQ(read[3], rows[3]);
}

TEST_P(EveryServer, FloatsKeepTheirBits) {
  auto table = server_.Make("floats", "(id INT PRIMARY KEY, f FLOAT, d DOUBLE)");
  std::vector<std::vector<Cell>> rows = {{"1", "16777216", "0.1"},
                                         {"2", "1e-10", "1.7976931348623157e+308"},
                                         {"3", "3.4028235e+38", "5e-324"},
                                         {"4", "1.1754944e-38", "2.2250738585072014e-308"},
                                         {"5", "0.1", "-123456789.125"},
                                         {"6", "8388608.5", "9007199254740993"},
                                         {"7", {}, {}}};
  rows[5][2] = "9007199254740992";
  rows[5][1] = "8388608";
  if (server_.is(Flavor::kOceanBase)) rows[2][2] = "1e-300";  // no subnormal numbers there
  LoadRows(server_, table, rows);
  EXPECT_EQ(ReadAll(server_, table), rows);
}

TEST_P(EveryServer, GeometryAndJsonAreKept) {
  const bool has_json = server_.info().version_number >= 50700;
  auto table = server_.Make("shapes", std::string("(id INT PRIMARY KEY, g GEOMETRY, j ") +
                                          (has_json ? "JSON" : "TEXT") + ")");
  std::string point = Bytes({0, 0, 0, 0, 1, 1, 0, 0, 0}) +
                      Bytes({0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f});
  LoadRows(server_, table,
           {{"1", point, "{\"a\": \"it's \\\\ \\\" \\n ä\", \"b\": [1, 1.5, null]}"}});
  auto read = ReadAll(server_, table);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0][1], point);
  EXPECT_TRUE(Equal(table->columns[2].type, read[0][2].value(),
                    "{\"a\": \"it's \\\\ \\\" \\n ä\", \"b\": [1, 1.5, null]}"));
}

TEST_P(EveryServer, OtherCharsetsComeAsUtf8) {
  if (server_.is(Flavor::kOceanBase)) GTEST_SKIP() << "this engine knows utf8mb4 only";
  auto table = server_.Make("latin",
                            "(k VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, "
                            "e ENUM('ä','b') CHARACTER SET latin1)");
  LoadRows(server_, table, {{"grün", "ä"}, {"rot", "b"}, {"süß", Bytes({0})}});
  auto read = ReadAll(server_, table);
  EXPECT_EQ(read,
            (std::vector<std::vector<Cell>>{{"grün", "ä"}, {"rot", "b"}, {"süß", Bytes({0})}}));
  auto reader = server_.endpoint().OpenRowReader();
  RowBatch batch(2);
  reader->ReadKeys(ScanAll(table), {{"süß"}, {"grün"}}, batch);
  EXPECT_EQ(batch.rows(), 2u);
}

// Chunk by chunk over a key of any types: every row once.
void ExpectChunksCover(Server& server, const TableSchemaPtr& table, uint64_t rows_per_chunk,
                       size_t expected) {
  auto planner = server.endpoint().OpenRowReader();
  auto reader = server.endpoint().OpenRowReader();
  ScanPlan plan = ScanAll(table);
  std::set<std::vector<Cell>> seen;
  size_t count = 0;
  std::optional<KeyTuple> after;
  for (int chunk = 0; chunk < 1000; ++chunk) {
    KeyRange range{after, planner->Boundary(plan, {after, {}}, rows_per_chunk)};
    reader->Open(plan, range);
    RowBatch batch(plan.columns.size());
    while (reader->Read(batch, 100000, 1 << 20)) {
    }
    if (range.through) {
      EXPECT_EQ(batch.rows(), rows_per_chunk);
    }
    for (auto& row : ToRows(batch)) seen.insert(row);
    count += batch.rows();
    if (!range.through) break;
    after = range.through;
  }
  EXPECT_EQ(count, expected);
  EXPECT_EQ(seen.size(), expected);
}

TEST_P(EveryServer, ChunksOverCompositeTextKeysCoverEveryRow) {
  auto table = server_.Make(
      "chunks", "(a VARCHAR(20), b INT, v INT, PRIMARY KEY (a, b)) DEFAULT CHARSET=utf8mb4");
  std::vector<std::vector<Cell>> rows;
  for (const char* a : {"", "A", "b", "C", "ö", "z'\\", "日本"}) {
    for (int b = -3; b < 4; ++b) rows.push_back({a, std::to_string(b), "1"});
  }
  LoadRows(server_, table, rows);
  for (uint64_t size : {1, 3, 7, 10}) ExpectChunksCover(server_, table, size, rows.size());
}

TEST_P(EveryServer, ChunksOverOddKeysCoverEveryRow) {
  auto table = server_.Make("oddkeys",
                            "(e ENUM('z','a','m'), s SET('x','y'), bi BIT(9), bn BINARY(3), "
                            "d DECIMAL(6,2), dt DATETIME(2), PRIMARY KEY (e, s, bi, bn, d, dt))");
  std::vector<std::vector<Cell>> rows;
  for (const char* e : {"z", "a", "m"}) {
    for (const char* s : {"", "x", "y", "x,y"}) {
      for (int bit : {0, 200}) {
        rows.push_back(
            {e, s, Bytes({1, bit}), Bytes({bit, 0, 0}), "-1.50", "2020-01-02 03:04:05.06"});
        rows.push_back(
            {e, s, Bytes({0, bit}), Bytes({0xff, bit, 0}), "1.50", "0000-00-00 00:00:00.00"});
      }
    }
  }
  LoadRows(server_, table, rows);
  for (uint64_t size : {1, 5, 16}) ExpectChunksCover(server_, table, size, rows.size());
  auto reader = server_.endpoint().OpenRowReader();
  RowBatch batch(6);
  std::vector<KeyTuple> keys;
  for (auto& row : rows) {
    KeyTuple& key = keys.emplace_back();
    for (auto& cell : row) key.push_back(*cell);
  }
  reader->ReadKeys(ScanAll(table), keys, batch);
  EXPECT_EQ(batch.rows(), rows.size());
}

// The last of 64 labels is the sign of a number of 64 bits; from 54 on a double has too few digits.
TEST_P(EveryServer, ChunksOverALargeSetCoverEveryRow) {
  for (int count : {54, 63, 64}) {
    std::string labels;
    for (int i = 0; i < count; ++i) labels += fmt::format("{}'l{}'", i == 0 ? "" : ",", i);
    auto table = server_.Make("largeset", fmt::format("(s SET({}) PRIMARY KEY)", labels));
    const std::string last = fmt::format("l{}", count - 1), before = fmt::format("l{}", count - 2);
    const std::vector<std::vector<Cell>> rows = {{""},   {"l0"},         {"l0," + before},
                                                 {last}, {"l0," + last}, {before + "," + last}};
    LoadRows(server_, table, rows);
    for (uint64_t size : {1, 2, 4}) ExpectChunksCover(server_, table, size, rows.size());
    RowBatch batch(1);
    auto reader = server_.endpoint().OpenRowReader();
    reader->ReadKeys(ScanAll(table), {{"l0," + last}, {"l0"}}, batch);
    EXPECT_EQ(batch.rows(), 2u);
  }
}

TEST_P(EveryServer, ChunksOverYearsCoverEveryRow) {
  const bool has_short = std::string_view(GetParam()) == "MARIADB";
  auto table = server_.Make(
      "years", fmt::format("(y {}, n INT, PRIMARY KEY (y, n))", has_short ? "YEAR(2)" : "YEAR"));
  std::vector<std::vector<Cell>> rows;
  for (const char* year : {"1970", "1999", "2000", "2005", "2069"}) {
    for (int n = 0; n < 3; ++n) rows.push_back({year, std::to_string(n)});
  }
  LoadRows(server_, table, rows);
  for (uint64_t size : {1, 2, 4}) ExpectChunksCover(server_, table, size, rows.size());
}

class Digests : public ::testing::TestWithParam<DigestStrength> {};
INSTANTIATE_TEST_SUITE_P(All, Digests,
                         ::testing::Values(DigestStrength::kQuick, DigestStrength::kCertain),
                         [](const auto& param_info) {
                           return param_info.param == DigestStrength::kQuick ? "Quick" : "Certain";
                         });

TEST_P(Digests, EqualRowsGiveEqualSumsOnEveryServer) {
  const DigestStrength strength = GetParam();
  std::map<std::string, Digest> digests;
  std::map<std::string, Digest> by_whole_key;
  std::map<std::string, std::vector<Digest>> buckets;
  for (const std::string& name : AllServers()) {
    Server server(name);
    // Nullability and padding differ between sides and must not matter.
    std::string body = kDigestTable;
    if (name == "MYSQL56") body.replace(body.find("vc VARCHAR(40)"), 14, "vc VARCHAR(90)");
    auto table = server.Make("digests", body);
    LoadRows(server, table, DigestRows());
    auto reader = server.endpoint().OpenRowReader();
    ASSERT_TRUE(reader->CanDigest(ScanAll(table))) << name;
    digests[name] = reader->DigestRange(ScanAll(table), {}, strength);
    buckets[name] = reader->DigestBuckets(ScanAll(table), 3, strength);
    ScanPlan all_key = ScanAll(table);  // any type may be part of a key
    all_key.key = all_key.columns;
    by_whole_key[name] = reader->DigestRange(all_key, {}, strength);
    EXPECT_EQ(digests[name].rows, 4u);
    Digest sum;
    for (uint32_t b = 0; b < 3; ++b) {
      const Digest& bucket = buckets[name][b];
      sum.rows += bucket.rows;
      sum.sum += bucket.sum;
      reader->OpenBucket(ScanAll(table), b, 3);
      RowBatch batch(table->columns.size());
      while (reader->Read(batch, 100, 1 << 20)) {
      }
      EXPECT_EQ(batch.rows(), bucket.rows) << name << " bucket " << b;
    }
    EXPECT_EQ(sum, digests[name]) << name;
    EXPECT_NE(digests[name].sum, 0u);
  }
  for (const std::string& name : AllServers()) {
    EXPECT_EQ(digests[name], digests["MYSQL97"]) << name;
    EXPECT_EQ(buckets[name], buckets["MYSQL97"]) << name;
    EXPECT_EQ(by_whole_key[name], by_whole_key["MYSQL97"]) << name;
  }
}

// Bit patterns over the whole range, and numbers as people write them, in the span where servers
// write them in different forms too.
std::vector<std::vector<Cell>> FloatRows() {
  std::mt19937_64 random(7);
  std::vector<std::vector<Cell>> rows = {{"0", "0", "0"},
                                         {"1", {}, {}},
                                         {"2", "16777216", "9007199254740993"},
                                         {"3", "16777218", "0.001"},
                                         {"4", "1.1754944e-38", "1e-290"},
                                         {"5", "3.4028235e+38", "1.7976931348623157e+308"},
                                         {"6", "-0.1", "-7.2641687644891484e-6"}};
  while (rows.size() < 2000) {
    double d = std::bit_cast<double>(random());
    float f = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (rows.size() % 2 == 0) {
      d = std::pow(10, static_cast<double>(random() % 36) - 18) *
          static_cast<double>(random() % 9999);
      f = static_cast<float>(d);
    }
    if (!std::isfinite(d) || std::fpclassify(d) == FP_SUBNORMAL || !std::isfinite(f) ||
        std::fpclassify(f) == FP_SUBNORMAL) {
      continue;
    }
    auto& row = rows.emplace_back();
    row.push_back(std::to_string(rows.size() - 1));
    AppendFloat(row.emplace_back().emplace(), f);
    AppendDouble(row.emplace_back().emplace(), d);
  }
  return rows;
}

TEST_P(Digests, FloatsGiveEqualSumsOnEveryServer) {
  std::map<std::string, Digest> digests;
  for (const std::string& name : AllServers()) {
    Server server(name);
    auto table = server.Make("float_sums", "(id INT PRIMARY KEY, f FLOAT, d DOUBLE)");
    auto reader = server.endpoint().OpenRowReader();
    ASSERT_TRUE(reader->CanDigest(ScanAll(table))) << name;
    auto rows = FloatRows();
    LoadRows(server, table, rows);
    digests[name] = reader->DigestRange(ScanAll(table), {}, GetParam());
    EXPECT_EQ(digests[name].rows, rows.size());
    EXPECT_EQ(digests[name], digests["MYSQL97"]) << name;
    for (const char* damage : {"f=16777214 WHERE id=2", "d=9007199254740994 WHERE id=2",
                               "d=0.0010000000000000002 WHERE id=3", "f=-0.10000001 WHERE id=6",
                               "d=-7.264168764489149e-6 WHERE id=6", "d=NULL WHERE id=0"}) {
      server.session().Execute(std::string("UPDATE float_sums SET ") + damage);
      const Digest bad = reader->DigestRange(ScanAll(table), {}, GetParam());
      EXPECT_NE(bad, digests[name]) << name << ": " << damage;
      server.session().Execute("DELETE FROM float_sums");
      LoadRows(server, table, rows);
    }
    auto digits = server.Make("float_digits", "(id INT PRIMARY KEY, d DOUBLE(10,2))");
    EXPECT_FALSE(reader->CanDigest(ScanAll(digits))) << name;
  }
}

TEST_P(EveryServer, DigestsTellNullsAndBordersOfCellsApart) {
  auto table = server_.Make("borders", "(id INT PRIMARY KEY, a VARCHAR(9), b VARCHAR(9))");
  ScanPlan plan = ScanAll(table);
  std::map<DigestStrength, std::set<uint64_t>> seen;
  std::vector<std::vector<Cell>> variants = {
      {"1", "a", ""},   {"1", "", "a"},   {"1", {}, "a"}, {"1", "a", {}},  {"1", "N", "a"},
      {"1", "a,", "b"}, {"1", "a", ",b"}, {"1", "A", ""}, {"1", "a ", ""}, {"1", {}, {}}};
  for (const auto& row : variants) {
    server_.session().Execute("DELETE FROM borders");
    LoadRows(server_, table, {row});
    auto reader = server_.endpoint().OpenRowReader();
    for (DigestStrength strength : {DigestStrength::kQuick, DigestStrength::kCertain}) {
      seen[strength].insert(reader->DigestRange(plan, {}, strength).sum);
    }
  }
  EXPECT_EQ(seen[DigestStrength::kQuick].size(), variants.size());
  EXPECT_EQ(seen[DigestStrength::kCertain].size(), variants.size());
}

TEST_P(EveryServer, SnapshotShowsOneMomentOrSaysThatItCannot) {
  auto table = server_.Make("moments", "(id INT, v INT)");
  server_.session().Execute("INSERT INTO moments VALUES (1, 1)");
  auto reader = server_.endpoint().OpenRowReader();
  if (server_.is(Flavor::kOceanBase)) {
    try {
      reader->BeginSnapshot();
      FAIL() << "a snapshot of a known position is not possible here";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "START_POINT_UNPROVED");
      EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
    }
    return;
  }
  EXPECT_FALSE(reader->BeginSnapshot().empty());
  server_.session().Execute("INSERT INTO moments VALUES (2, 2)");
  auto count = [&] {
    reader->Open(ScanAll(table), {});
    RowBatch batch(2);
    while (reader->Read(batch, 100, 1 << 20)) {
    }
    return batch.rows();
  };
  EXPECT_EQ(count(), 1u);
  reader->EndSnapshot();
  EXPECT_EQ(count(), 2u);
}

TEST_P(EveryServer, ChecksPassOnTheTestbed) {
  auto table = server_.Make("checked", "(id INT PRIMARY KEY, v VARCHAR(10))");
  for (Side side : {Side::kSource, Side::kDestination}) {
    CheckRequest request{.side = side,
                         .tables = {table},
                         .databases = {kDatabase},
                         .captures = side == Side::kSource && server_.endpoint().info().can_capture,
                         .writes = side == Side::kDestination,
                         .creates = side == Side::kDestination};
    auto results = server_.endpoint().Check(request);
    EXPECT_GE(results.size(), 10u);
    for (const CheckResult& result : results) {
      EXPECT_NE(result.status, CheckResult::Status::kFail)
          << result.item << ": " << result.message << "; " << result.cause;
    }
  }
}

TEST_P(EveryServer, ChecksFindWhatIsWrong) {
  auto keyless = server_.Make("keyless_checked", "(v INT)");
  auto fired = server_.Make("fired", "(id INT PRIMARY KEY)");
  server_.session().Execute(
      "CREATE TRIGGER godwit_fires BEFORE INSERT ON fired FOR EACH ROW SET "
      "NEW.id = NEW.id + 1");
  CheckRequest request{.side = Side::kDestination,
                       .tables = {keyless, fired},
                       .databases = {kDatabase},
                       .writes = true,
                       .largest_source_row = 4ULL << 30};
  auto check = [&] {
    std::map<std::string, CheckResult::Status> found;
    for (const CheckResult& result : server_.endpoint().Check(request)) {
      found[result.item + " " + result.object] = result.status;
    }
    return found;
  };
  auto found = check();
  EXPECT_EQ(found["key godwit_live.keyless_checked"], CheckResult::Status::kWarn);
  EXPECT_EQ(found["trigger godwit_live.fired"], CheckResult::Status::kFail);
  EXPECT_EQ(found["max_allowed_packet "], CheckResult::Status::kFail);
  // Escaped, it may be too long.
  request.largest_source_row =
      std::stoull(*server_.session().QueryValue("SELECT @@max_allowed_packet")) / 2 + 1;
  EXPECT_EQ(check()["max_allowed_packet "], CheckResult::Status::kWarn);
}

TEST_P(EveryServer, CancelEndsAReadFromAnotherThread) {
  auto reader = server_.endpoint().OpenRowReader();
  auto table = server_.Make("cancelled", "(id INT PRIMARY KEY)");
  LoadRows(server_, table, {{"1"}, {"2"}});
  reader->Cancel();
  EXPECT_THROW(reader->Boundary(ScanAll(table), {}, 1), Stopped);
}

}  // namespace
}  // namespace godwit::live

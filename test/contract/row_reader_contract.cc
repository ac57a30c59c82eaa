// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

class RowReaderContract : public Contract {
 protected:
  // Rows whose keys are far apart, negative too, and not in the order of their text.
  TableSchemaPtr MakeNumbers() {
    TableSchemaPtr table = subject_->Make(Shape::kKeyed, "numbers");
    std::vector<Cells> rows;
    for (int i = 0; i < 50; ++i) {
      const int id = (i * 37 % 50 - 20) * 7;
      rows.push_back({std::to_string(id), "c" + std::to_string(id), "a", std::nullopt});
    }
    Write(*table, rows);
    return table;
  }
  static constexpr DigestStrength kBoth[] = {DigestStrength::kQuick, DigestStrength::kCertain};

  Digest DigestOf(const TableSchemaPtr& table, DigestStrength strength) {
    return endpoint().OpenRowReader()->DigestRange(ScanOf(table), {}, strength);
  }
  std::map<DigestStrength, Digest> DigestsOf(const TableSchemaPtr& table) {
    std::map<DigestStrength, Digest> out;
    for (DigestStrength strength : kBoth) out[strength] = DigestOf(table, strength);
    return out;
  }
};
GODWIT_CONTRACT(RowReaderContract);

TEST_P(RowReaderContract, RangesCoverTheTableAndDoNotOverlap) {
  for (TableSchemaPtr table : {MakeNumbers(), subject_->Make(Shape::kPair, "pairs")}) {
    if (table->name.table == "pairs") {
      Write(*table,
            {{"a", "10", "1"}, {"a", "9", "2"}, {"a", "-1", "3"}, {"B", "1", "4"}, {"", "0", "5"}});
    }
    const ScanPlan plan = ScanOf(table);
    const std::vector<Cells> all = ReadAll(table);
    for (uint64_t size : {1, 3, 7, 1000}) {
      auto reader = endpoint().OpenRowReader();
      std::vector<Cells> found;
      KeyRange range;
      do {
        range = {range.through, {}};
        range.through = reader->Boundary(plan, range, size);
        const std::vector<Cells> rows = Read(*reader, plan, range);
        if (range.through) {
          EXPECT_EQ(rows.size(), size);
        }
        found.insert(found.end(), rows.begin(), rows.end());
      } while (range.through);
      EXPECT_EQ(found, all) << size;
    }
  }
}

TEST_P(RowReaderContract, ReadsInTheOrderOfTheKey) {
  const std::vector<Cells> rows = ReadAll(MakeNumbers());
  ASSERT_EQ(rows.size(), 50u);
  for (size_t i = 1; i < rows.size(); ++i)
    EXPECT_LT(std::stoi(*rows[i - 1][0]), std::stoi(*rows[i][0]));
}

TEST_P(RowReaderContract, TheBoundaryIsAKeyThatIsThere) {
  auto table = MakeNumbers();
  const ScanPlan plan = ScanOf(table);
  auto reader = endpoint().OpenRowReader();
  EXPECT_EQ(reader->Boundary(plan, {}, 1), KeyTuple{"-140"});
  EXPECT_EQ(reader->Boundary(plan, {KeyTuple{"-140"}, {}}, 1), KeyTuple{"-133"});
  EXPECT_EQ(reader->Boundary(plan, {}, 51), std::nullopt);
  EXPECT_EQ(reader->Boundary(plan, {{}, KeyTuple{"-133"}}, 3), std::nullopt);
  EXPECT_EQ(Read(*reader, plan, {KeyTuple{"-140"}, KeyTuple{"-133"}}).size(), 1u);
}

TEST_P(RowReaderContract, ReadsByKey) {
  auto table = MakeNumbers();
  RowBatch batch(4);
  endpoint().OpenRowReader()->ReadKeys(ScanOf(table), {{"0"}, {"1"}, {"203"}}, batch);
  std::vector<Cells> rows = ToRows(batch);
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (std::vector<Cells>{{"0", "c0", "a", std::nullopt},
                                      {"203", "c203", "a", std::nullopt}}));
}

TEST_P(RowReaderContract, SeesOnlyCommittedRowsAndTheLatest) {
  auto table = subject_->Make(Shape::kKeyed, "latest");
  auto reader = endpoint().OpenRowReader();
  auto application = subject_->Connect();
  application->Begin();
  application->Insert(*table, {"1", "x", "", std::nullopt});
  EXPECT_TRUE(Read(*reader, ScanOf(table), {}).empty());
  application->Commit();
  EXPECT_EQ(Read(*reader, ScanOf(table), {}), (std::vector<Cells>{{"1", "x", "", std::nullopt}}));
}

TEST_P(RowReaderContract, ASnapshotHolds) {
  if (!endpoint().info().can_capture) GTEST_SKIP() << "gives no positions yet";
  auto table = subject_->Make(Shape::kKeyless, "snapshot");
  Write(*table, {{"1", "x"}, {"1", "x"}});
  auto reader = endpoint().OpenRowReader();
  const Position position = reader->BeginSnapshot();
  Write(*table, {{"2", "y"}});
  EXPECT_EQ(Read(*reader, ScanOf(table), {}).size(), 2u);
  auto changes = endpoint().OpenChangeReader();
  EXPECT_LT(changes->Compare(position, changes->Current()), 0);
  reader->EndSnapshot();
  EXPECT_EQ(Read(*reader, ScanOf(table), {}).size(), 3u);
}

TEST_P(RowReaderContract, EqualRowsHaveEqualDigests) {
  const std::vector<Cells> rows = {{"1", "ü", "", std::nullopt}, {"2", std::nullopt, "x ", "y"}};
  auto a = subject_->Make(Shape::kKeyed, "digest_a");
  auto b = subject_->Make(Shape::kKeyed, "digest_b");
  Write(*a, rows);
  Write(*b, {rows[1], rows[0]});
  auto reader = endpoint().OpenRowReader();
  ASSERT_TRUE(reader->CanDigest(ScanOf(a)));
  for (DigestStrength strength : kBoth) {
    EXPECT_EQ(DigestOf(a, strength), DigestOf(b, strength));
    EXPECT_EQ(reader->DigestBuckets(ScanOf(a), 4, strength),
              reader->DigestBuckets(ScanOf(b), 4, strength));
  }
}

// The text of a row is the same on every kind of server, so its sums are numbers known beforehand:
// CRC32 of "1,1:x,0:,N," times one more than CRC32 of "1", and the start of the text's SHA-256.
TEST_P(RowReaderContract, DigestsAreTheSameOnEveryServer) {
  auto table = subject_->Make(Shape::kKeyed, "digest_known");
  Write(*table, {{"1", "x", "", std::nullopt}});
  EXPECT_EQ(DigestOf(table, DigestStrength::kQuick), (Digest{1, 238658738106337248u}));
  EXPECT_EQ(DigestOf(table, DigestStrength::kCertain), (Digest{1, 16278528260300667568u}));
}

TEST_P(RowReaderContract, EveryDamageChangesTheDigest) {
  const std::vector<Cells> rows = {{"1", "c", "a", "b"}, {"2", "d", "", std::nullopt}};
  const std::map<std::string, std::vector<Cells>> damages = {
      {"missing", {rows[0]}},
      {"extra", {rows[0], rows[1], {"3", "e", "", ""}}},
      {"changed", {{"1", "c", "a", "B"}, rows[1]}},
      {"swapped columns", {{"1", "c", "b", "a"}, rows[1]}},
      {"swapped rows", {{"1", "d", "a", "b"}, {"2", "c", "", std::nullopt}}},
      {"moved boundary", {{"1", "c", "ab", ""}, rows[1]}},
      {"null for empty", {rows[0], {"2", "d", std::nullopt, std::nullopt}}},
      {"empty for null", {rows[0], {"2", "d", "", ""}}},
      {"other null", {rows[0], {"2", "d", std::nullopt, ""}}},
      {"letter N for null", {rows[0], {"2", "d", "", "N"}}},
      {"trailing blank", {{"1", "c", "a ", "b"}, rows[1]}},
      {"case", {{"1", "C", "a", "b"}, rows[1]}},
  };
  auto table = subject_->Make(Shape::kKeyed, "damage");
  Write(*table, rows);
  const std::map<DigestStrength, Digest> good = DigestsOf(table);
  for (const auto& [name, damaged] : damages) {
    auto other = subject_->Make(Shape::kKeyed, "damage");
    Write(*other, damaged);
    for (const auto& [strength, bad] : DigestsOf(other)) {
      EXPECT_NE(bad.sum, good.at(strength).sum) << name;
    }
  }
}

// Damage to two rows that neither a XOR nor a plain sum of the rows' CRC32s shows: equal changes
// make equal changes of the CRC32's bits, which sums of two may undo.
TEST_P(RowReaderContract, RowsDoNotCancelEachOtherOut) {
  struct Damage {
    std::vector<Cells> before;
    std::vector<Cells> after;
  };
  const std::map<std::string, Damage> damages = {
      {"swapped",
       {{{"1", "lhul", "paid", "x"}, {"2", "jfkw", "paid", "y"}},
        {{"1", "jfkw", "paid", "x"}, {"2", "lhul", "paid", "y"}}}},
      {"changed alike",
       {{{"1", "c1", "kyzz", "kvem"}, {"2", "c2", "kyzz", "dewx"}},
        {{"1", "c1", "zrtq", "kvem"}, {"2", "c2", "zrtq", "dewx"}}}},
  };
  for (const auto& [name, damage] : damages) {
    auto table = subject_->Make(Shape::kKeyed, "cancel");
    Write(*table, damage.before);
    const std::map<DigestStrength, Digest> good = DigestsOf(table);
    auto other = subject_->Make(Shape::kKeyed, "cancel");
    Write(*other, damage.after);
    for (const auto& [strength, bad] : DigestsOf(other)) {
      EXPECT_EQ(bad.rows, 2u) << name;
      EXPECT_NE(bad.sum, good.at(strength).sum) << name;
    }
  }
}

TEST_P(RowReaderContract, RowsThatPairUpDoNotCancelOut) {
  auto table = subject_->Make(Shape::kKeyless, "pairs_cancel");
  Write(*table, {{"x", "y"}, {"x", "y"}});
  const Digest two = DigestOf(table, DigestStrength::kCertain);
  EXPECT_EQ(two.rows, 2u);
  EXPECT_NE(two.sum, 0u);
}

TEST_P(RowReaderContract, BucketsShareOutTheRows) {
  auto table = MakeNumbers();
  const ScanPlan plan = ScanOf(table);
  auto reader = endpoint().OpenRowReader();
  const std::vector<Digest> digests = reader->DigestBuckets(plan, 5, DigestStrength::kQuick);
  ASSERT_EQ(digests.size(), 5u);
  const Digest whole = DigestOf(table, DigestStrength::kQuick);
  Digest sum;
  std::multiset<Cells> rows;
  for (uint32_t bucket = 0; bucket < 5; ++bucket) {
    sum.rows += digests[bucket].rows;
    sum.sum += digests[bucket].sum;
    reader->OpenBucket(plan, bucket, 5);
    RowBatch batch(4);
    while (reader->Read(batch, 1000, 1 << 20)) {
    }
    EXPECT_EQ(batch.rows(), digests[bucket].rows);
    for (Cells& row : ToRows(batch)) rows.insert(std::move(row));
  }
  EXPECT_EQ(sum, whole);
  const std::vector<Cells> all = ReadAll(table);
  EXPECT_EQ(rows, std::multiset<Cells>(all.begin(), all.end()));
}

}  // namespace
}  // namespace godwit::contract

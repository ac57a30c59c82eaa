// SPDX-License-Identifier: Apache-2.0
// Changes so large that the Store cuts them into pieces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "base/byte_writer.h"
#include "base/deadline.h"
#include "store/database.h"
#include "store/log_entry.h"
#include "store/store_for_test.h"

namespace godwit {
namespace {

constexpr size_t kLarge = 5 << 20;

std::string Noise(size_t size, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < size) AppendFixed(text, random());
  text.resize(size);
  return text;
}

class LargeChange : public StoreTest {
 protected:
  RowsChange Update(const std::string& before, const std::string& after) {
    RowsChange change = Rows({after});
    change.op = ChangeOp::kUpdate;
    change.before.Reset(2);
    change.before.AddNull();
    change.before.Add(before);
    return change;
  }
  void CommitLarge(const std::string& name, uint32_t seed) {
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, Update(Noise(kLarge, seed), Noise(kLarge, seed + 1)));
    store_->Commit(spool, Info(name), {});
  }
  // What is kept under this key; none: it is gone.
  void Tamper(Database::Family family, const std::string& key, std::optional<std::string> value) {
    store_.reset();
    Database database(path_ / "store", {}, Database::Access::kWrite);
    rocksdb::WriteBatch batch;
    value ? batch.Put(database.family(family), key, *value)
          : batch.Delete(database.family(family), key);
    database.Write(batch, Database::Durability::kNow);
  }
  size_t StoredParts() {
    store_.reset();
    Database database(path_ / "store", {}, Database::Access::kRead);
    auto scan = database.Scan(Database::kParts);
    size_t count = 0;
    for (scan->SeekToFirst(); scan->Valid(); scan->Next()) ++count;
    return count;
  }
};

TEST_F(LargeChange, ReadsBackAmongSmallOnes) {
  const RowsChange large = Update(Noise(kLarge, 1), Noise(kLarge / 2 + 1, 2));
  for (int pass = 0; pass < 2; ++pass) {
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, Rows({"a"}));
    store_->AppendRows(spool, large);
    store_->AppendRows(spool, Rows({"b"}));
    store_->AppendRows(spool, large);
    store_->Commit(spool, Info("t"), {});
  }
  Sync();
  const uint64_t pieces = kLarge / kPieceBytes + kLarge / 2 / kPieceBytes + 1;
  for (bool beside_owner : {false, true}) {
    std::unique_ptr<Store> other;
    if (beside_owner) other = Store::OpenToRead(path_ / "store");
    auto reader = (other ? other : store_)->Read(0);
    for (int pass = 0; pass < 2; ++pass) {
      const auto transaction = Next(*reader);
      ASSERT_TRUE(transaction);
      EXPECT_EQ(transaction->rows, 4u);
      EXPECT_EQ(transaction->parts, 2 + 2 * (1 + pieces));
      EXPECT_GT(transaction->bytes, 2 * (kLarge + kLarge / 2));
      LogPart part;
      for (const char* small : {"a", "b"}) {
        ASSERT_TRUE(reader->NextPart(part));
        EXPECT_EQ(part.rows.after.cell(0, 1), small);
        ASSERT_TRUE(reader->NextPart(part));
        EXPECT_EQ(part.kind, LogPart::Kind::kRows);
        EXPECT_EQ(part.rows.op, ChangeOp::kUpdate);
        EXPECT_EQ(part.rows.table, (other ? other : store_)->Schema(1));
        EXPECT_TRUE(part.rows.before == large.before);
        EXPECT_TRUE(part.rows.after == large.after);
      }
      EXPECT_FALSE(reader->NextPart(part));
    }
    EXPECT_FALSE(Next(*reader));
  }
}

// Of any size around the limits, and of any width of cells.
TEST_F(LargeChange, ReadsBackWhateverItsCells) {
  std::mt19937 random(3);
  std::vector<RowsChange> changes;
  for (const size_t data : {kPieceBytes * 8, kPieceBytes * 8 + 1, kPieceBytes * 9 - 1}) {
    RowsChange change = Rows({});
    while (change.after.data().size() < data) {
      const size_t left = data - change.after.data().size();
      random() % 3 == 0 ? change.after.AddNull() : change.after.Add("k");
      change.after.Add(Noise(std::min<size_t>(left, random() % (1 << 20)), random()));
    }
    changes.push_back(std::move(change));
  }
  RowsChange empty_cells = Rows({});
  for (int i = 0; i < 1'000'000; ++i) empty_cells.after.AddNull();
  changes.push_back(std::move(empty_cells));
  for (const RowsChange& change : changes) {
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, change);
    store_->Commit(spool, Info("t"), {});
  }
  Sync();
  Reopen();
  auto reader = store_->Read(0);
  for (const RowsChange& change : changes) {
    ASSERT_TRUE(Next(*reader));
    LogPart part;
    ASSERT_TRUE(reader->NextPart(part));
    EXPECT_TRUE(part.rows.after == change.after);
    EXPECT_FALSE(reader->NextPart(part));
  }
}

TEST_F(LargeChange, ACrashAmidItsPiecesLeavesNothingOfIt) {
  CommitOne("a", {"1"});
  Sync();
  const uint64_t open = store_->BeginTransaction();
  store_->AppendRows(open, Update(Noise(kLarge, 1), Noise(kLarge, 2)));
  ReopenCopy();  // its last pieces were not written yet
  EXPECT_EQ(Content(), "a: 1;");
  EXPECT_EQ(CommitOne("b", {"2"}), 2u);
  Sync();
  EXPECT_EQ(StoredParts(), 2u);
  Reopen();
  EXPECT_EQ(Content(), "a: 1;b: 2;");
}

TEST_F(LargeChange, ADiskThatFillsUpAmidItsPiecesLeavesNothingOfIt) {
  FullDiskEnv env;
  options_.env = &env;
  Reopen();
  CommitOne("a", {"1"});
  Sync();
  const uint64_t open = store_->BeginTransaction();
  store_->AppendRows(open, Update(Noise(kLarge, 1), Noise(kLarge, 2)));
  env.is_full = true;
  EXPECT_EQ(CodeOf([&] { store_->AppendRows(open, Update(Noise(kLarge, 3), "x")); }),
            "STORE_DISK_FULL");
  env.is_full = false;
  EXPECT_EQ(CodeOf([&] {
              store_->Commit(open, Info("b"), {});
              Sync();
            }),
            "STORE_DISK_FULL");
  Reopen();
  EXPECT_EQ(Content(), "a: 1;");
  EXPECT_EQ(StoredParts(), 1u);
}

TEST_F(LargeChange, IsRolledBackAndDiscarded) {
  const uint64_t spool = store_->BeginTransaction();
  store_->AppendRows(spool, Rows({"keep"}));
  const uint64_t mark = store_->Mark(spool);
  store_->AppendRows(spool, Update(Noise(kLarge, 1), Noise(kLarge, 2)));
  store_->RollbackTo(spool, mark);
  store_->AppendRows(spool, Rows({"new"}));
  store_->Commit(spool, Info("a"), {});
  const uint64_t dropped = store_->BeginTransaction();
  store_->AppendRows(dropped, Update(Noise(kLarge, 1), "x"));
  store_->Discard(dropped);
  Sync();
  EXPECT_EQ(Content(), "a: keep new;");
  EXPECT_EQ(StoredParts(), 2u);
}

TEST_F(LargeChange, ReleaseGivesItsSpaceBack) {
  for (uint32_t i = 0; i < 4; ++i) CommitLarge("t", 10 * i);
  CommitOne("last", {"1"});
  Sync();
  const uint64_t before = store_->status().bytes;
  EXPECT_GT(before, 8 * kLarge);
  Reopen();  // writes out what was in memory
  store_->Release(4);
  EXPECT_FALSE(store_->Find(4));
  EXPECT_EQ(Content(4), "last: 1;");
  Reopen();
  EXPECT_EQ(Content(4), "last: 1;");
  // RocksDB moves a new file to where it is dropped whole when it comes to it; each release drops
  // what has got there. So a store that goes on must become small, whatever the threads do.
  Sequence last = 5;
  for (const auto deadline = Deadline::In(std::chrono::seconds(30));
       store_->status().bytes >= before / 2 && !deadline.has_passed();) {
    for (uint32_t i = 0; i < 2; ++i) CommitLarge("more", 10 * i);
    last = CommitOne("last", {"1"});
    Sync();
    Reopen();
    store_->Release(last - 1);
  }
  EXPECT_LT(store_->status().bytes, before / 2);
  EXPECT_EQ(Content(last - 1), "last: 1;");
}

TEST_F(LargeChange, AMissingOrStrangePieceIsDamage) {
  for (const auto& value : {std::optional<std::string>(), std::optional<std::string>("\3short"),
                            std::optional<std::string>(std::string(1, '\0'))}) {
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, Update(Noise(kLarge, 1), "x"));
    const Sequence sequence = store_->Commit(spool, Info("t"), {});
    Sync();
    Tamper(Database::kParts, PartKey(spool, 5), value);
    Reopen();
    EXPECT_EQ(CodeOf([&] { Content(sequence - 1); }), "STORE_CORRUPT");
  }
}

TEST_F(LargeChange, AStoreOfTheFormatWithoutPiecesIsReadAndGoesOn) {
  CommitOne("a", {"1"});
  Sync();
  Tamper(Database::kMeta, "format", "1");
  EXPECT_EQ(Store::OpenToRead(path_ / "store")->last(), 1u);
  Reopen();
  CommitLarge("b", 1);
  Sync();
  store_.reset();
  EXPECT_EQ(Database(path_ / "store", {}, Database::Access::kRead).Get(Database::kMeta, "format"),
            "2");
  Tamper(Database::kMeta, "format", "3");
  EXPECT_EQ(CodeOf([&] { Reopen(); }), "STORE_CORRUPT");
}

}  // namespace
}  // namespace godwit

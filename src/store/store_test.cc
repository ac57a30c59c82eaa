// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "store/log_entry.h"
#include "store/store_for_test.h"

namespace godwit {
namespace {

TEST_F(StoreTest, ReadsBackWhatWasCommittedAcrossReopening) {
  EXPECT_EQ(CommitOne("a", {"1", "2"}), 1u);
  EXPECT_EQ(Content(), "");  // not durable yet
  EXPECT_EQ(store_->last(), 0u);
  store_->Sync({"p"}, {"r"});
  EXPECT_EQ(Content(), "a: 1 2;");
  Reopen();
  EXPECT_EQ(Content(), "a: 1 2;");
  EXPECT_EQ(store_->position().bytes, "p");
  EXPECT_EQ(store_->restart().bytes, "r");
  EXPECT_EQ(CommitOne("b", {"3"}), 2u);
  EXPECT_EQ(store_->position().bytes, "after b");
  Sync();
  Reopen();
  EXPECT_EQ(Content(), "a: 1 2;b: 3;");
  EXPECT_EQ(Content(1), "b: 3;");
  EXPECT_EQ(store_->restart().bytes, "before b");
  const auto found = store_->Find(2);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rows, 1u);
  EXPECT_EQ(found->parts, 1u);
  EXPECT_FALSE(store_->Find(3));
}

TEST_F(StoreTest, WhatWasSyncedSurvivesAPowerCut) {
  CommitOne("a", {"1"});
  Sync();
  CommitOne("b", {"2"});
  ReopenCopy();
  EXPECT_EQ(Content(), "a: 1;");
  EXPECT_EQ(store_->position().bytes, "after a");
  EXPECT_EQ(CommitOne("b", {"2"}), 2u);
  Sync();
  ReopenCopy();
  EXPECT_EQ(Content(), "a: 1;b: 2;");
}

TEST_F(StoreTest, TransactionsInterleave) {
  const uint64_t first = store_->BeginTransaction();
  const uint64_t second = store_->BeginTransaction();
  store_->AppendRows(first, Rows({"f1"}));
  store_->AppendRows(second, Rows({"s1"}));
  store_->AppendRows(first, Rows({"f2"}));
  store_->Commit(second, Info("second"), {});
  store_->AppendRows(first, Rows({"f3"}));
  store_->Commit(first, Info("first"), {});
  Sync();
  EXPECT_EQ(Content(), "second: s1;first: f1 f2 f3;");
}

TEST_F(StoreTest, RollsBackToASavepointInMemoryAndInTheDatabase) {
  for (const size_t size : {size_t{1}, size_t{200'000}}) {
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, Rows({"keep"}));
    const uint64_t outer = store_->Mark(spool);
    for (int i = 0; i < 5; ++i) store_->AppendRows(spool, Rows({std::string(size, 'x')}));
    const uint64_t inner = store_->Mark(spool);
    for (int i = 0; i < 100; ++i) store_->AppendRows(spool, Rows({std::string(size, 'y')}));
    store_->RollbackTo(spool, inner);
    store_->RollbackTo(spool, outer);
    store_->AppendRows(spool, Rows({"and"}));
    store_->RollbackTo(spool, outer);
    store_->AppendRows(spool, Rows({"this", "too"}));
    store_->Commit(spool, Info("t"), {});
    Sync();
  }
  EXPECT_EQ(Content(), "t: keep this too;t: keep this too;");
  EXPECT_EQ(store_->Find(2)->rows, 3u);
  EXPECT_EQ(store_->Find(2)->parts, 2u);
  Reopen();
  EXPECT_EQ(Content(), "t: keep this too;t: keep this too;");
}

// What is given up is held no longer, and is nobody else's mark later.
TEST_F(StoreTest, MarksOfOnePlaceAreGivenUpOneByOne) {
  const uint64_t spool = store_->BeginTransaction();
  store_->AppendRows(spool, Rows({"keep"}));
  const uint64_t replaced = store_->Mark(spool);
  const uint64_t outer = store_->Mark(spool);
  store_->Unmark(spool, replaced);
  EXPECT_EQ(CodeOf([&] { store_->RollbackTo(spool, replaced); }), "BUG");
  store_->AppendRows(spool, Rows({"gone"}));
  const uint64_t undone = store_->Mark(spool);
  store_->RollbackTo(spool, outer);
  store_->AppendRows(spool, Rows({"and"}));
  const uint64_t inner = store_->Mark(spool);
  store_->Unmark(spool, undone);
  store_->AppendRows(spool, Rows({"gone"}));
  store_->RollbackTo(spool, inner);
  store_->AppendRows(spool, Rows({"this"}));
  store_->Commit(spool, Info("t"), {});
  Sync();
  EXPECT_EQ(Content(), "t: keep and this;");
  EXPECT_EQ(store_->Find(1)->rows, 3u);
}

TEST_F(StoreTest, AReaderThatWaitsSeesPartsWrittenAnewAfterARollback) {
  auto reader = store_->Read(0);
  CommitOne("a", {"1"});
  const uint64_t spool = store_->BeginTransaction();
  const uint64_t start = store_->Mark(spool);
  for (int i = 0; i < 20; ++i) store_->AppendRows(spool, Rows({std::string(100'000, 'x')}));
  Sync();
  ASSERT_TRUE(Next(*reader));
  EXPECT_EQ(Notes(*reader).size(), 1u);  // its iterator shows the open transaction from now on
  store_->RollbackTo(spool, start);
  store_->AppendRows(spool, Rows({"new"}));
  store_->Commit(spool, Info("b"), {});
  Sync();
  ASSERT_TRUE(Next(*reader));
  EXPECT_THAT(Notes(*reader), testing::ElementsAre("new"));
  reader.reset();
  Reopen();  // nothing takes it for cut off
  EXPECT_EQ(Content(), "a: 1;b: new;");
}

TEST_F(StoreTest, WhatWasOpenAtACrashIsGoneAndItsIdsAreNotUsedAgain) {
  CommitOne("a", {"1"});
  const uint64_t open = store_->BeginTransaction();
  for (int i = 0; i < 30; ++i) store_->AppendRows(open, Rows({std::string(100'000, 'x')}));
  Sync();
  ReopenCopy();
  EXPECT_EQ(Content(), "a: 1;");
  const uint64_t next = store_->BeginTransaction();
  EXPECT_GT(next, open);
  store_->AppendRows(next, Rows({"2"}));
  store_->Commit(next, Info("b"), {});
  Sync();
  Reopen();
  EXPECT_EQ(Content(), "a: 1;b: 2;");
}

TEST_F(StoreTest, DiscardedTransactionsLeaveNothing) {
  const uint64_t small = store_->BeginTransaction();
  store_->AppendRows(small, Rows({"x"}));
  const uint64_t large = store_->BeginTransaction();
  for (int i = 0; i < 100; ++i) store_->AppendRows(large, Rows({std::string(50'000, 'x')}));
  store_->Discard(small);
  store_->Discard(large);
  CommitOne("a", {});
  Sync();
  EXPECT_EQ(Content(), "a:;");
}

TEST_F(StoreTest, DefinitionsComeWithTheDdlThatMadeThem) {
  auto wider = std::make_shared<TableSchema>(*table_);
  wider->columns.emplace_back().name = "more";
  const uint64_t spool = store_->BeginTransaction();
  SchemaChange ddl;
  ddl.kind = SchemaChange::Kind::kAlterTable;
  ddl.statement = "ALTER";
  store_->AppendDdl(spool, ddl);
  const uint64_t version = store_->NextSchemaVersion();
  const uint64_t dropped = store_->NextSchemaVersion();
  LoggedTransaction info = Info("d");
  info.is_ddl = true;
  const TableName gone{"shop", "gone"};
  store_->Commit(spool, info, {{version, wider->name, wider}, {dropped, gone, nullptr}});
  Sync();
  Reopen();
  EXPECT_EQ(Content(), "d: ALTER;");
  EXPECT_TRUE(store_->Find(1)->is_ddl);
  EXPECT_EQ(*store_->Schema(version), *wider);
  EXPECT_EQ(*store_->Schema(1), *table_);
  EXPECT_GT(store_->NextSchemaVersion(), dropped);
  const auto latest = store_->LatestSchemas();
  ASSERT_EQ(latest.size(), 1u);
  EXPECT_EQ(latest[0].version, version);
  EXPECT_EQ(CodeOf([&] { store_->Schema(99); }), "STORE_CORRUPT");
}

TEST_F(StoreTest, DefinitionsOfLongAgoAreNotHeldInMemory) {
  const TableSchemaPtr table = MakeTable("t");
  std::vector<SchemaVersion> versions;
  for (int i = 0; i < 5000; ++i) {
    versions.push_back({store_->NextSchemaVersion(), table->name, MakeTable("t")});
  }
  const uint64_t version = versions.front().version;
  const std::weak_ptr<const TableSchema> first = versions.front().table;
  store_->AddSchemas(versions);
  versions.clear();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(*store_->Schema(version), *table);
}

TEST_F(StoreTest, AReaderWaitsForTheNextTransaction) {
  auto reader = store_->Read(0);
  EXPECT_FALSE(Next(*reader));
  std::jthread writer([&] {
    CommitOne("a", {"1"});
    Sync();
  });
  ASSERT_TRUE(reader->NextTransaction(Deadline::Never(), {}));
  EXPECT_THAT(Notes(*reader), testing::ElementsAre("1"));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(reader->NextTransaction(Deadline::Never(), stop.get_token()));
}

TEST_F(StoreTest, AHugeTransactionStreams) {
  options_.memory_bytes = 8 << 20;
  Reopen();
  const std::string note(1000, 'z');
  constexpr int kParts = 30'000;
  const uint64_t spool = store_->BeginTransaction();
  for (int i = 0; i < kParts; ++i) {
    store_->AppendRows(spool, Rows({std::to_string(i), note}));
    if (i % 1000 == 0) CommitOne("small", {"s"});
  }
  store_->Commit(spool, Info("huge"), {});
  Sync();
  Reopen();
  auto reader = store_->Read(30);
  auto transaction = Next(*reader);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->parts, uint64_t{kParts});
  EXPECT_EQ(transaction->rows, uint64_t{2 * kParts});
  LogPart part;
  int next = 0;
  while (reader->NextPart(part)) ASSERT_EQ(part.rows.after.cell(0, 1), std::to_string(next++));
  EXPECT_EQ(next, kParts);
}

TEST_F(StoreTest, ReleaseForgetsAndGivesSpaceBack) {
  options_.memory_bytes = 4 << 20;
  Reopen();
  std::mt19937 random(7);
  auto noise = [&] {
    std::string text(20'000, 0);
    for (char& c : text) c = static_cast<char>(random());
    return text;
  };
  for (int i = 0; i < 3000; ++i) {
    CommitOne("t" + std::to_string(i), {noise()}, i * 10);
    if (i % 100 == 99) Sync();
  }
  const uint64_t before = store_->status().bytes;
  EXPECT_GT(before, 55'000'000u);
  auto reader = store_->Read(0);
  ASSERT_TRUE(Next(*reader));
  store_->Release(2990);
  EXPECT_EQ(CodeOf([&] { Next(*reader); }), "STORE_RELEASED");
  EXPECT_EQ(CodeOf([&] { Content(0); }), "STORE_RELEASED");
  reader.reset();
  EXPECT_EQ(store_->status().first, 2991u);
  EXPECT_EQ(store_->status().first_time_us, 29900);
  EXPECT_FALSE(store_->Find(2990));
  EXPECT_EQ(store_->FindTime(29895), 0u);
  EXPECT_EQ(store_->FindTime(29905), 2991u);
  Reopen();  // writes out what was in memory
  EXPECT_EQ(store_->status().first, 2991u);
  const std::string rest = Content(2990);
  EXPECT_TRUE(rest.starts_with("t2990: "));
  EXPECT_GT(rest.size(), 10 * 20'000u);
  EXPECT_LT(store_->status().bytes, before / 2);
  store_->Release(9999);
  EXPECT_EQ(store_->status().first, 0u);
  EXPECT_EQ(store_->last(), 3000u);
  Reopen();
  EXPECT_EQ(store_->last(), 3000u);
  EXPECT_EQ(CommitOne("next", {"n"}), 3001u);
  Sync();
  EXPECT_EQ(Content(3000), "next: n;");
}

TEST_F(StoreTest, AReaderThatWaitsHoldsNothingOfWhatIsReleased) {
  options_.memory_bytes = 4 << 20;
  Reopen();
  std::mt19937 random(7);
  std::string noise(1 << 20, 0);
  constexpr Sequence kCount = 60;
  for (Sequence i = 1; i <= kCount; ++i) {
    for (char& c : noise) c = static_cast<char>(random());
    CommitOne("t" + std::to_string(i), {noise});
    Sync();
  }
  const uint64_t before = store_->status().bytes;
  EXPECT_GT(before, kCount << 20);
  auto reader = store_->Read(0);
  LogPart part;
  while (Next(*reader)) {
    while (reader->NextPart(part)) continue;
  }
  for (const auto deadline = Deadline::In(std::chrono::seconds(30));
       store_->status().bytes > before / 2 && !deadline.has_passed();) {
    store_->Release(kCount - 1);  // drops what has come to where it can be
    EXPECT_FALSE(Next(*reader));
  }
  EXPECT_LE(store_->status().bytes, before / 2);
  CommitOne("last", {"1"});
  Sync();
  ASSERT_TRUE(Next(*reader));
  ASSERT_TRUE(reader->NextPart(part));
  EXPECT_EQ(part.rows.after.cell(0, 1), "1");
}

TEST_F(StoreTest, ReleaseGivesSpaceBackWhileTheStoreGoesOn) {
  options_.memory_bytes = 64 << 20;
  Reopen();
  std::mt19937 random(7);
  std::string noise(1 << 20, 0);
  int written = 0;
  auto go_on = [&](int wanted) {
    for (; wanted > 0; --wanted) {
      for (char& c : noise) c = static_cast<char>(random());
      CommitOne("t" + std::to_string(++written), {noise});
      Sync();
      if (written > 10) store_->Release(static_cast<Sequence>(written - 10));
    }
  };
  go_on(120);
  for (const auto deadline = Deadline::In(std::chrono::seconds(30));
       store_->status().bytes > 90'000'000 && !deadline.has_passed();) {
    go_on(4);
  }
  EXPECT_LE(store_->status().bytes, 90'000'000u);
  EXPECT_EQ(store_->status().first, static_cast<Sequence>(written - 9));
  EXPECT_TRUE(Content(static_cast<Sequence>(written - 10))
                  .starts_with("t" + std::to_string(written - 9) + ": "));
}

TEST_F(StoreTest, ResetForgetsEverything) {
  CommitOne("a", {"1"});
  Sync();
  const uint64_t open = store_->BeginTransaction();
  for (int i = 0; i < 30; ++i) store_->AppendRows(open, Rows({std::string(100'000, 'x')}));
  store_->Reset();
  store_->Discard(open);
  EXPECT_TRUE(store_->position().empty());
  EXPECT_TRUE(store_->restart().empty());
  EXPECT_TRUE(store_->LatestSchemas().empty());
  EXPECT_EQ(Content(), "");
  Reopen();
  EXPECT_EQ(Content(), "");
  EXPECT_TRUE(store_->restart().empty());
  EXPECT_GT(store_->BeginTransaction(), open);
}

TEST_F(StoreTest, FindTimeIgnoresClocksThatGoBack) {
  for (int64_t time : {10, 20, 15, 30}) CommitOne("t", {}, time);
  Sync();
  EXPECT_EQ(store_->FindTime(9), 0u);
  EXPECT_EQ(store_->FindTime(19), 1u);
  EXPECT_EQ(store_->FindTime(20), 3u);
  EXPECT_EQ(store_->FindTime(99), 4u);
}

TEST_F(StoreTest, ASecondOwnerIsRefused) {
  EXPECT_EQ(CodeOf([&] { Store::Open(path_ / "store", {}); }), "STORE_LOCKED");
  EXPECT_EQ(CodeOf([&] { CommitOne("a", {"1"}), Sync(); }), "");
}

TEST_F(StoreTest, IsReadBesideItsOwner) {
  const std::string path = path_ / "store";
  CommitOne("a", {"1", "2"});
  Sync();
  const uint64_t open = store_->BeginTransaction();
  store_->AppendRows(open, Rows({std::string(2 << 20, 'x')}));  // spilled, without a commit
  CommitOne("b", {"3"});
  Sync();
  const auto files = [&] {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
    return names;
  };
  const auto before = files();
  auto other = Store::OpenToRead(path);
  EXPECT_EQ(other->last(), 2u);
  EXPECT_EQ(other->LatestSchemas().size(), 1u);
  auto reader = other->Read(0);
  EXPECT_EQ(Next(*reader)->transaction, "a");
  EXPECT_THAT(Notes(*reader), testing::ElementsAre("1", "2"));
  EXPECT_EQ(Next(*reader)->transaction, "b");
  EXPECT_THAT(Notes(*reader), testing::ElementsAre("3"));
  EXPECT_FALSE(Next(*reader));
  EXPECT_EQ(files(), before);
  // The owner's spool is still its own, and later transactions need a new look.
  store_->Commit(open, Info("c"), {});
  Sync();
  EXPECT_FALSE(Next(*reader));
  reader.reset();
  other = Store::OpenToRead(path);
  EXPECT_EQ(other->last(), 3u);
  reader = other->Read(2);
  EXPECT_EQ(Next(*reader)->transaction, "c");
  EXPECT_EQ(Notes(*reader)[0].size(), size_t{2} << 20);
}

TEST_F(StoreTest, ReadingLongBesideItsOwnerSeesItAll) {
  const std::string note(1 << 20, 'n');
  for (int i = 0; i < 70; ++i) CommitOne("t", {note});
  Sync();
  auto other = Store::OpenToRead(path_ / "store");
  auto reader = other->Read(0);
  int seen = 0;
  while (Next(*reader)) seen += Notes(*reader) == std::vector<std::string>{note};
  EXPECT_EQ(seen, 70);
}

TEST_F(StoreTest, ReadBesideABusyOwnerHasNoHoles) {
  options_.memory_bytes = 1 << 20;  // its files come and go all the time
  Reopen();
  std::atomic<int> commits{0};  // that the owner is to make
  std::jthread owner([&](std::stop_token stop) {
    const std::stop_callback wake(stop, [&] { ++commits, commits.notify_all(); });
    for (commits.wait(0); !stop.stop_requested(); commits.wait(0)) {
      CommitOne("t", {std::string(64 << 10, 'n')});
      Sync();
      --commits;
    }
  });
  for (int look = 0; look < 40; ++look) {
    commits += 50, commits.notify_all();
    try {
      auto other = Store::OpenToRead(path_ / "store");
      const Sequence last = other->last();
      auto reader = other->Read(0);
      for (Sequence at = 1; at <= last; ++at) {
        ASSERT_TRUE(other->Find(at)) << at << " of " << last;
        ASSERT_TRUE(Next(*reader)) << at << " of " << last;
        EXPECT_EQ(Notes(*reader).size(), 1u);
      }
    } catch (const Error& error) {  // the owner may remove a file first
      EXPECT_EQ(error.fields().message.find("missing in the log"), std::string::npos);
    }
  }
}

TEST_F(StoreTest, ThereIsNothingToReadWithoutAStore) {
  EXPECT_NE(CodeOf([&] { Store::OpenToRead(path_ / "nothing"); }), "");
  EXPECT_FALSE(fs::exists(path_ / "nothing"));
}

TEST_F(StoreTest, DamageIsAnErrorNotALoss) {
  for (int i = 0; i < 50; ++i) CommitOne("t", {std::string(1000, 'a')});
  Sync();
  store_.reset();
  // Damage in the middle of the write-ahead log, then in the middle of the data files.
  for (const char* extension : {".log", ".sst"}) {
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(path_ / "store")) {
      if (entry.path().extension() != extension) continue;
      if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
    }
    ASSERT_FALSE(largest.empty()) << extension;
    const auto at = static_cast<std::streamoff>(fs::file_size(largest) / 3);
    std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char original = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(original ^ 0x55));
    file.close();
    EXPECT_EQ(CodeOf([&] {
                Reopen();
                Content();
              }),
              "STORE_CORRUPT")
        << largest;
    store_.reset();
    std::fstream(largest, std::ios::in | std::ios::out | std::ios::binary).seekp(at).put(original);
    Reopen();  // turns the log into data files
    EXPECT_EQ(store_->last(), 50u);
    store_.reset();
  }
}

TEST_F(StoreTest, RowsThatDoNotHaveTheirTablesColumnsAreCorrupt) {
  for (size_t columns : {1, 3}) {
    RowsChange change = Rows({});
    change.after.Reset(columns);
    for (size_t c = 0; c < columns; ++c) change.after.Add("x");
    const Sequence before = store_->last();
    const uint64_t spool = store_->BeginTransaction();
    store_->AppendRows(spool, change);
    store_->Commit(spool, Info("t"), {});
    Sync();
    EXPECT_EQ(CodeOf([&] { Content(before); }), "STORE_CORRUPT") << columns;
  }
}

TEST_F(StoreTest, AFullDiskStopsCaptureUntilOpenedAgain) {
  FullDiskEnv env;
  options_.env = &env;
  Reopen();
  CommitOne("a", {"1"});
  Sync();
  env.is_full = true;
  CommitOne("b", {"2"});
  EXPECT_EQ(CodeOf([&] { Sync(); }), "STORE_DISK_FULL");
  env.is_full = false;
  EXPECT_EQ(CodeOf([&] { Sync(); }), "STORE_DISK_FULL");
  EXPECT_EQ(Content(), "a: 1;");
  Reopen();
  EXPECT_EQ(Content(), "a: 1;");
  EXPECT_EQ(CommitOne("b", {"2"}), 2u);
  Sync();
  EXPECT_EQ(Content(), "a: 1;b: 2;");
  store_.reset();
}

TEST(LogEntry, IsReadInTheVersionItWasWrittenIn) {
  LogEntry entry;
  entry.info.transaction = "g:1";
  entry.info.is_ddl = true;
  entry.info.has_partial_images = true;
  entry.info.first_schema_version = 7;
  entry.info.changes = {{.schema_version = 9, .inserts = 1, .updates = 2, .deletes = 3}};
  entry.highest_time_us = 5;
  std::string bytes = EncodeLogEntry(entry);
  EXPECT_TRUE(DecodeLogEntry(1, bytes).info.has_partial_images);
  EXPECT_EQ(DecodeLogEntry(1, bytes).info.first_schema_version, 7u);
  EXPECT_EQ(DecodeLogEntry(1, bytes).info.changes, entry.info.changes);
  bytes.resize(bytes.size() - 5);  // without the changes
  bytes[0] = 2;
  EXPECT_EQ(DecodeLogEntry(1, bytes).info.first_schema_version, 7u);
  EXPECT_TRUE(DecodeLogEntry(1, bytes).info.changes.empty());
  bytes[0] = 1;
  bytes.resize(bytes.size() - 2);
  LogEntry older = DecodeLogEntry(1, bytes);
  EXPECT_FALSE(older.info.has_partial_images);
  EXPECT_TRUE(older.info.is_ddl);
  EXPECT_EQ(older.highest_time_us, 5);
  bytes[0] = 4;
  EXPECT_THROW(DecodeLogEntry(1, bytes), Error);
}

TEST_F(StoreTest, TheLastTransactionIsKnownAfterItsRelease) {
  EXPECT_EQ(store_->LastTransaction(), "");
  const auto log = [&](const std::string& id) {
    LoggedTransaction info;
    info.transaction = id;
    store_->Commit(store_->BeginTransaction(), info, {});
    store_->Sync({"p"}, {"r"});
  };
  log("a");
  log("b");
  EXPECT_EQ(store_->LastTransaction(), "b");
  store_->Release(1);
  EXPECT_EQ(store_->LastTransaction(), "b");
  store_->Release(2);
  EXPECT_EQ(store_->LastTransaction(), "b");
  log("c");
  EXPECT_EQ(store_->LastTransaction(), "c");
}

TEST_F(StoreTest, ATableIsTheSameAsLongAsItIsAltered) {
  const TableName name{"of", "ours"};
  auto put = [&](uint64_t version, bool exists) {
    auto table = std::make_shared<TableSchema>();
    table->name = name;
    store_->AddSchemas({{version, name, exists ? table : nullptr}});
    for (const SchemaVersion& latest : store_->LatestSchemas()) {
      if (latest.name == name) return latest.since;
    }
    return uint64_t{0};
  };
  EXPECT_EQ(put(1, true), 1u);
  EXPECT_EQ(put(2, true), 1u);
  EXPECT_EQ(put(3, false), 0u);
  EXPECT_EQ(put(4, true), 4u);
  EXPECT_EQ(put(5, true), 4u);
  Reopen();
  EXPECT_EQ(put(6, true), 4u);
}

}  // namespace
}  // namespace godwit

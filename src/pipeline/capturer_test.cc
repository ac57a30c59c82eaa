// SPDX-License-Identifier: Apache-2.0
// How capture begins, and what it makes of fragments that a source delivers again after a restart.
#include "pipeline/capturer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <stop_token>
#include <utility>

#include "base/error.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

Position At(int place) { return Position{std::string(1, static_cast<char>('a' + place))}; }

// What a source does, and what was asked of it.
struct Script {
  std::vector<Fragment> fragments;
  std::function<Position()> prove_start = [] { return At(0); };
  // Where definitions were read.
  Position current = At(1);
  // In reading a table.
  int lost_connections = 0;
  // From, known.
  std::vector<std::pair<Position, Position>> starts;
  // Asked for when all is delivered.
  std::stop_source stop;
};

// Delivers fragments from a place on; rows are made with the definition in force at that moment.
// What stands behind the first letter of a position has no part in their order.
class ScriptedReader : public ChangeReader {
 public:
  explicit ScriptedReader(Script& script) : script_(script) {}

  Position ProveStart(const Mark&, std::stop_token) override { return script_.prove_start(); }
  Position Current() override { return script_.current; }
  int Compare(const Position& a, const Position& b) override {
    return a.bytes.substr(0, 1).compare(b.bytes.substr(0, 1));
  }
  std::string Describe(const Position& position) override { return position.bytes; }
  using ChangeReader::Start;
  void Start(const Position& from, const Position& known, SchemaHistory& history) override {
    script_.starts.emplace_back(from, known);
    history_ = &history;
    next_ = 0;
    for (size_t i = 0; i < script_.fragments.size(); ++i) {
      const Fragment& fragment = script_.fragments[i];
      const bool is_commit = fragment.kind == Fragment::Kind::kCommit;
      if (is_commit && Compare(fragment.position, from) <= 0) next_ = i + 1;
    }
  }
  std::optional<Fragment> Next(Deadline, std::stop_token) override {
    if (next_ >= script_.fragments.size()) {
      script_.stop.request_stop();
      return {};
    }
    Fragment fragment = script_.fragments[next_++];
    if (fragment.kind != Fragment::Kind::kRows) return fragment;
    const auto known = history_->Find({"d", "t"});
    fragment.rows.table = known->table;
    fragment.rows.schema_version = known->version;
    fragment.rows.after.Reset(known->table->columns.size());
    for (size_t c = 0; c < known->table->columns.size(); ++c) fragment.rows.after.Add("1");
    return fragment;
  }
  void Release(const Position&) override {}
  uint64_t bytes_read() const override { return 0; }

 private:
  Script& script_;
  SchemaHistory* history_ = nullptr;
  size_t next_ = 0;
};

// Of a source whose databases have defaults, and that has d.t.
class GbkCatalog : public TestCatalog {
 public:
  GbkCatalog(TestDatabase& database, Script& script) : TestCatalog(database), script_(script) {}
  std::vector<CatalogObject> Objects(const std::string&) override {
    return {CatalogObject{.name = {"d", "t"}}};
  }
  std::optional<TextDefaults> DefaultsOf(const std::string&) override {
    return TextDefaults{"gbk", "gbk_bin"};
  }
  std::optional<TableSchema> Table(const TableName& name) override {
    if (script_.lost_connections == 0) return TestCatalog::Table(name);
    --script_.lost_connections;
    throw Error({.code = "CONNECTION_LOST", .kind = ErrorKind::kTransient});
  }

 private:
  Script& script_;
};

class ScriptedEndpoint : public TestEndpoint {
 public:
  ScriptedEndpoint(TestDatabase& database, Script& script)
      : TestEndpoint(database), database_(database), script_(script) {}
  std::unique_ptr<Catalog> OpenCatalog() override {
    return std::make_unique<GbkCatalog>(database_, script_);
  }
  std::unique_ptr<ChangeReader> OpenChangeReader() override {
    return std::make_unique<ScriptedReader>(script_);
  }

 private:
  TestDatabase& database_;
  Script& script_;
};

// A Store that follows one table and keeps nothing but which spools and marks are held.
class SpoolStore : public TestStore {
 public:
  explicit SpoolStore(TableSchemaPtr table) : table_(std::move(table)) {}

  uint64_t BeginTransaction() override {
    spools.insert(++begun);
    return begun;
  }
  void Discard(uint64_t spool) override { spools.erase(spool); }
  Sequence Commit(uint64_t spool, LoggedTransaction info,
                  const std::vector<SchemaVersion>&) override {
    spools.erase(spool);
    Sync(info.position, info.restart);
    return 1;
  }
  uint64_t Mark(uint64_t) override {
    marks.insert(++last_mark);
    most_marks = std::max(most_marks, marks.size());
    return last_mark;
  }
  void Unmark(uint64_t, uint64_t mark) override { marks.erase(mark); }
  void RollbackTo(uint64_t, uint64_t mark) override { rolled_back_to = mark; }
  void Sync(const Position& position, const Position& restart) override {
    position_ = position;
    restart_ = restart;
  }
  Position position() override { return position_; }
  Position restart() override { return restart_; }
  std::vector<SchemaVersion> LatestSchemas() override { return {{1, table_->name, table_}}; }

  uint64_t begun = 0;
  std::set<uint64_t> spools;
  uint64_t last_mark = 0;
  std::set<uint64_t> marks;
  size_t most_marks = 0;
  uint64_t rolled_back_to = 0;

 private:
  TableSchemaPtr table_;
  Position position_ = At(0);
  Position restart_ = At(0);
};

Fragment Make(Fragment::Kind kind, const std::string& transaction, int position = 0,
              int restart = 0) {
  Fragment fragment;
  fragment.kind = kind;
  fragment.transaction = transaction;
  fragment.position = At(position);
  fragment.restart = At(restart);
  fragment.source_time_us = position;
  return fragment;
}

Fragment MakeDdl(const std::string& transaction, SchemaChange::Kind kind) {
  Fragment fragment = Make(Fragment::Kind::kDdl, transaction);
  fragment.ddl.emplace().kind = kind;
  fragment.ddl->table = {"d", "t"};
  fragment.ddl->tables.push_back({"d", "t"});
  return fragment;
}

Fragment MakeSavepoint(Fragment::Kind kind, const std::string& name) {
  Fragment fragment = Make(kind, "a");
  fragment.savepoint = name;
  return fragment;
}

Fragment AddColumn(const std::string& transaction, const std::string& name) {
  Fragment fragment = MakeDdl(transaction, SchemaChange::Kind::kAlterTable);
  AlterAction action;
  action.kind = AlterAction::Kind::kAddColumn;
  action.column.name = name;
  action.column.type.kind = TypeKind::kInteger;
  fragment.ddl->actions.push_back(action);
  return fragment;
}

class CapturerTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("godwit_capturer_test." + std::to_string(getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    auto table = std::make_shared<TableSchema>();
    table->name = {"d", "t"};
    table->columns.resize(1);
    table->columns[0].name = "id";
    table->columns[0].type.kind = TypeKind::kInteger;
    table_ = table;
    store_ = Store::Open(path_, {});
    store_->AddSchemas({{store_->NextSchemaVersion(), table->name, table}});
    store_->Sync(At(0), At(0));
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(path_);
  }

  // Captures all that is delivered.
  void Capture(Store& store) {
    ScriptedEndpoint source(database_, script_);
    Capturer capturer(source, store, rules_, counters_, options_);
    script_.stop = std::stop_source();
    EXPECT_THROW(capturer.Run(script_.stop.get_token()), Stopped);
  }
  // The Log then ends with `last`.
  void CaptureUpTo(Sequence last) {
    Capture(*store_);
    EXPECT_EQ(store_->last(), last);
  }

  std::filesystem::path path_;
  TableSchemaPtr table_;
  TestDatabase database_;
  ObjectRules rules_{{ObjectRule::Parse("d.*")}, {}};
  std::unique_ptr<Store> store_;
  Script script_;
  CaptureCounters counters_;
  Capturer::Options options_;
};

// x is open (prepared) across rows and definitions of others; it holds the restart position back.
TEST_F(CapturerTest, DefinitionsDeliveredAgainAreNotAppliedTwice) {
  using Kind = Fragment::Kind;
  script_.fragments = {Make(Kind::kBegin, "before"),
                       Make(Kind::kCommit, "before", 1, 1),
                       Make(Kind::kBegin, "x"),  // from here on it begins again
                       Make(Kind::kBegin, "a"),
                       Make(Kind::kRows, "a"),
                       Make(Kind::kCommit, "a", 2, 1),
                       Make(Kind::kBegin, "b"),
                       AddColumn("b", "v"),
                       Make(Kind::kCommit, "b", 3, 1),
                       Make(Kind::kBegin, "c"),
                       Make(Kind::kRows, "c"),
                       Make(Kind::kCommit, "c", 4, 1)};
  CaptureUpTo(3);
  store_.reset();
  store_ = Store::Open(path_, {});
  script_.fragments.push_back(Make(Kind::kBegin, "e"));
  script_.fragments.push_back(AddColumn("e", "w"));
  script_.fragments.push_back(Make(Kind::kCommit, "e", 5, 1));
  script_.fragments.push_back(Make(Kind::kBegin, "f"));
  script_.fragments.push_back(Make(Kind::kRows, "f"));
  script_.fragments.push_back(Make(Kind::kCommit, "f", 6, 6));
  CaptureUpTo(5);
  EXPECT_EQ(script_.starts.back(), std::pair(At(1), At(4)));

  std::vector<size_t> widths;
  auto reader = store_->Read(0);
  while (widths.size() < 3) {
    ASSERT_TRUE(reader->NextTransaction(Deadline::In(std::chrono::seconds(5)), {}));
    LogPart part;
    while (reader->NextPart(part)) {
      if (part.kind == LogPart::Kind::kRows) widths.push_back(part.rows.table->columns.size());
    }
  }
  EXPECT_EQ(widths, (std::vector<size_t>{1, 2, 3}));
  const auto latest = store_->LatestSchemas();
  ASSERT_EQ(latest.size(), 1u);
  EXPECT_EQ(latest[0].table->columns.size(), 3u);
}

// The ALTER lies between the proved start and the place where the definitions were read.
TEST_F(CapturerTest, ADdlWhileDefinitionsAreReadBeginsAnew) {
  using Kind = Fragment::Kind;
  store_->Reset();  // capture has yet to begin
  auto altered = std::make_shared<TableSchema>(*table_);
  altered->columns.push_back(table_->columns[0]);
  altered->columns[1].name = "v";
  int proofs = 0;
  script_.prove_start = [&] {
    const bool is_first = proofs == 0;
    database_.Create(is_first ? table_ : TableSchemaPtr(altered));
    return At(proofs++);
  };
  script_.fragments = {Make(Kind::kBegin, "a"),        AddColumn("a", "v"),
                       Make(Kind::kCommit, "a", 1, 1), Make(Kind::kBegin, "b"),
                       Make(Kind::kRows, "b"),         Make(Kind::kCommit, "b", 2, 2)};
  CaptureUpTo(1);
  EXPECT_EQ(proofs, 2);
  auto reader = store_->Read(0);
  ASSERT_TRUE(reader->NextTransaction(Deadline::In(std::chrono::seconds(5)), {}));
  LogPart part;
  ASSERT_TRUE(reader->NextPart(part));
  ASSERT_EQ(part.kind, LogPart::Kind::kRows);
  EXPECT_EQ(part.rows.table->columns.size(), 2u);
}

TEST_F(CapturerTest, WhatChangesNoDefinitionDoesNotBeginAnew) {
  using Kind = Fragment::Kind;
  store_->Reset();
  database_.Create(table_);
  int proofs = 0;
  script_.prove_start = [&] { return At(proofs++); };
  script_.current = At(3);
  script_.fragments = {Make(Kind::kBegin, "a"),
                       MakeDdl("a", SchemaChange::Kind::kTruncateTable),
                       Make(Kind::kCommit, "a", 1, 1),
                       Make(Kind::kBegin, "b"),
                       MakeDdl("b", SchemaChange::Kind::kCreateView),
                       Make(Kind::kCommit, "b", 2, 2),
                       Make(Kind::kBegin, "c"),
                       MakeDdl("c", SchemaChange::Kind::kDropView),
                       Make(Kind::kCommit, "c", 3, 3)};
  CaptureUpTo(3);
  EXPECT_EQ(proofs, 1);
}

TEST_F(CapturerTest, AStartThatIsOvertakenAgainAndAgainIsTold) {
  using Kind = Fragment::Kind;
  store_->Reset();
  database_.Create(table_);
  int proofs = 0;
  script_.prove_start = [&] { return At(++proofs < 5 ? 0 : 1); };  // the last one is behind it
  std::vector<std::string> told;
  options_.retry.first_wait = std::chrono::milliseconds(1);
  options_.on_transient = [&](const Error* error) {
    told.push_back(error != nullptr ? error->code() : "over");
  };
  script_.fragments = {Make(Kind::kBegin, "a"), AddColumn("a", "v"),
                       Make(Kind::kCommit, "a", 1, 1)};
  CaptureUpTo(0);
  EXPECT_EQ(proofs, 5);
  EXPECT_EQ(told, (std::vector<std::string>{"SCHEMA_CHANGING", "SCHEMA_CHANGING", "over"}));
}

// The source goes away while it is asked what an unknown statement has made of the table.
TEST_F(CapturerTest, ATransactionWhoseDdlCannotBeAppliedNowIsDiscarded) {
  using Kind = Fragment::Kind;
  database_.Create(table_);
  SpoolStore store(table_);
  options_.retry.first_wait = std::chrono::milliseconds(1);
  script_.lost_connections = 1;
  script_.fragments = {Make(Kind::kBegin, "a"), MakeDdl("a", SchemaChange::Kind::kUnknown),
                       Make(Kind::kCommit, "a", 1, 1)};
  Capture(store);
  EXPECT_EQ(store.begun, 2u);
  EXPECT_EQ(store.spools, std::set<uint64_t>{});
  EXPECT_EQ(store.position(), At(1));
}

TEST_F(CapturerTest, ASavepointTakesThePlaceOfTheOneOfItsName) {
  using Kind = Fragment::Kind;
  SpoolStore store(table_);
  script_.fragments = {Make(Kind::kBegin, "a"), MakeSavepoint(Kind::kSavepoint, "first")};
  for (int i = 0; i < 100; ++i) {
    script_.fragments.push_back(MakeSavepoint(Kind::kSavepoint, "again"));
  }
  script_.fragments.push_back(MakeSavepoint(Kind::kRollbackTo, "again"));
  script_.fragments.push_back(Make(Kind::kCommit, "a", 1, 1));
  Capture(store);
  EXPECT_EQ(store.last_mark, 101u);
  EXPECT_LE(store.most_marks, 3u);
  EXPECT_EQ(store.rolled_back_to, 101u);
}

// By what it carries beside the place a source recognises its log, even if nothing happens there.
TEST_F(CapturerTest, APlaceIsStoredWithAllThatIsToldOfIt) {
  Fragment told = Make(Fragment::Kind::kHeartbeat, "");
  told.position.bytes += "-of-log-1";
  told.restart.bytes += "-of-log-1";
  script_.fragments = {told};
  Capture(*store_);
  EXPECT_EQ(store_->position().bytes, "a-of-log-1");
  EXPECT_EQ(store_->restart().bytes, "a-of-log-1");
}

// A definition with rows (CREATE TABLE … SELECT) that is the first thing on a promoted server: its
// place is known by no more than what the last server had.
TEST_F(CapturerTest, ADefinitionAtTheSamePlaceOfAnotherLogIsNew) {
  using Kind = Fragment::Kind;
  auto commit = [](const std::string& transaction, const std::string& place) {
    Fragment fragment = Make(Kind::kCommit, transaction);
    fragment.position.bytes = fragment.restart.bytes = place;
    return fragment;
  };
  script_.fragments = {Make(Kind::kBegin, "x"), AddColumn("x", "v"), commit("x", "b-of-log-1")};
  CaptureUpTo(1);
  store_->Sync({"b-of-log-1"}, At(0));
  script_.fragments = {Make(Kind::kBegin, "x"), AddColumn("x", "v"), commit("x", "b-of-log-2")};
  CaptureUpTo(1);
  store_->Sync({"b-of-log-1"}, At(0));
  for (Fragment& fragment :
       std::vector{Make(Kind::kBegin, "y"), AddColumn("y", "w"), commit("y", "b-of-log-2")}) {
    script_.fragments.push_back(std::move(fragment));
  }
  CaptureUpTo(2);
  EXPECT_EQ(store_->LatestSchemas()[0].table->columns.size(), 3u);
  // Nor is it told apart by what retention has left of the Log.
  store_->Release(store_->last());
  store_->Sync({"b-of-log-2"}, At(0));
  script_.fragments = {Make(Kind::kBegin, "y"), AddColumn("y", "w"), commit("y", "b-of-log-3"),
                       Make(Kind::kBegin, "z"), AddColumn("z", "x"), commit("z", "b-of-log-3")};
  CaptureUpTo(3);
  EXPECT_EQ(store_->LatestSchemas()[0].table->columns.size(), 4u);
}

// Old parts of a log may hold nothing but what is passed over.
TEST_F(CapturerTest, AHeartbeatIsAsOldAsItSays) {
  script_.fragments = {Make(Fragment::Kind::kHeartbeat, "", 6, 6)};
  Capture(*store_);
  EXPECT_EQ(counters_.source_time_us.Get(), 0);  // of the log's file, before anything came
  counters_.source_time_us.Set(5);
  Fragment older = Make(Fragment::Kind::kHeartbeat, "", 8, 8);
  older.source_time_us = 3;
  script_.fragments = {Make(Fragment::Kind::kHeartbeat, "", 7, 7), older};
  Capture(*store_);
  EXPECT_EQ(counters_.source_time_us.Get(), 7);
  script_.fragments = {Make(Fragment::Kind::kHeartbeat, "")};
  Capture(*store_);
  EXPECT_GT(counters_.source_time_us.Get(), 7);
}

// The destination's database may give it another.
TEST_F(CapturerTest, AStoredDefinitionSaysItsCharset) {
  Fragment create = Make(Fragment::Kind::kDdl, "a");
  create.ddl.emplace().kind = SchemaChange::Kind::kCreateTable;
  create.ddl->table = {"d", "made"};
  create.ddl->definition.emplace();
  create.ddl->definition->columns.resize(1);
  create.ddl->definition->columns[0].name = "v";
  create.ddl->definition->columns[0].type.kind = TypeKind::kVarchar;
  script_.fragments = {Make(Fragment::Kind::kBegin, "a"), create,
                       Make(Fragment::Kind::kCommit, "a", 1, 1)};
  CaptureUpTo(1);
  auto reader = store_->Read(0);
  ASSERT_TRUE(reader->NextTransaction(Deadline::In(std::chrono::seconds(5)), {}));
  LogPart part;
  ASSERT_TRUE(reader->NextPart(part));
  ASSERT_TRUE(part.ddl.definition);
  EXPECT_EQ(part.ddl.definition->collation, "gbk_bin");
  EXPECT_EQ(part.ddl.definition->columns[0].charset, "gbk");
}

}  // namespace
}  // namespace godwit

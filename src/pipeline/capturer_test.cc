// SPDX-License-Identifier: Apache-2.0
// What the capturer makes of fragments that a source delivers again after a restart.
#include "pipeline/capturer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/error.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

Position At(int place) { return Position{std::string(1, static_cast<char>('a' + place))}; }

// Delivers fragments from a place on; rows are made with the definition in force at that moment.
class ScriptedReader : public ChangeReader {
 public:
  explicit ScriptedReader(const std::vector<Fragment>& script) : script_(script) {}

  Position ProveStart(std::stop_token) override { return At(0); }
  Position Current() override { return At(0); }
  int Compare(const Position& a, const Position& b) override { return a.bytes.compare(b.bytes); }
  std::string Describe(const Position& position) override { return position.bytes; }
  void Start(const Position& from, SchemaHistory& history) override {
    history_ = &history;
    next_ = from == At(0) ? 0 : 1;
  }
  std::optional<Fragment> Next(Deadline deadline, std::stop_token stop) override {
    if (next_ >= script_.size()) {
      WaitForStop(stop, deadline);
      return {};
    }
    Fragment fragment = script_[next_++];
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
  const std::vector<Fragment>& script_;
  SchemaHistory* history_ = nullptr;
  size_t next_ = 0;
};

// Of a source whose databases have defaults.
class GbkCatalog : public TestCatalog {
 public:
  using TestCatalog::TestCatalog;
  std::optional<TextDefaults> DefaultsOf(const std::string&) override {
    return TextDefaults{"gbk", "gbk_bin"};
  }
};

class ScriptedEndpoint : public TestEndpoint {
 public:
  ScriptedEndpoint(TestDatabase& database, const std::vector<Fragment>& script)
      : TestEndpoint(database), database_(database), script_(script) {}
  std::unique_ptr<Catalog> OpenCatalog() override {
    return std::make_unique<GbkCatalog>(database_);
  }
  std::unique_ptr<ChangeReader> OpenChangeReader() override {
    return std::make_unique<ScriptedReader>(script_);
  }

 private:
  TestDatabase& database_;
  const std::vector<Fragment>& script_;
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

Fragment AddColumn(const std::string& transaction, const std::string& name) {
  Fragment fragment = Make(Fragment::Kind::kDdl, transaction);
  fragment.ddl.kind = SchemaChange::Kind::kAlterTable;
  fragment.ddl.table = {"d", "t"};
  AlterAction action;
  action.kind = AlterAction::Kind::kAddColumn;
  action.column.name = name;
  action.column.type.kind = TypeKind::kInteger;
  fragment.ddl.actions.push_back(action);
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

  // Captures until the Log ends with `last`.
  void CaptureUpTo(Sequence last) {
    ScriptedEndpoint source(database_, script_);
    CaptureCounters counters;
    Capturer capturer(source, *store_, rules_, counters, {});
    std::jthread runs([&](std::stop_token stop) {
      try {
        capturer.Run(stop);
      } catch (const Stopped&) {
      }
    });
    capturer.SequencePast(script_.back().position, {});
    EXPECT_EQ(store_->last(), last);
  }

  std::filesystem::path path_;
  TableSchemaPtr table_;
  TestDatabase database_;
  ObjectRules rules_{{ObjectRule::Parse("d.*")}, {}};
  std::unique_ptr<Store> store_;
  std::vector<Fragment> script_;
};

// x is open (prepared) across rows and definitions of others; it holds the restart position back.
TEST_F(CapturerTest, DefinitionsDeliveredAgainAreNotAppliedTwice) {
  using Kind = Fragment::Kind;
  script_ = {Make(Kind::kBegin, "before"),
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
  script_.push_back(Make(Kind::kBegin, "e"));
  script_.push_back(AddColumn("e", "w"));
  script_.push_back(Make(Kind::kCommit, "e", 5, 1));
  script_.push_back(Make(Kind::kBegin, "f"));
  script_.push_back(Make(Kind::kRows, "f"));
  script_.push_back(Make(Kind::kCommit, "f", 6, 6));
  CaptureUpTo(5);

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

// The destination's database may give it another.
TEST_F(CapturerTest, AStoredDefinitionSaysItsCharset) {
  Fragment create = Make(Fragment::Kind::kDdl, "a");
  create.ddl.kind = SchemaChange::Kind::kCreateTable;
  create.ddl.table = {"d", "made"};
  create.ddl.definition.emplace();
  create.ddl.definition->columns.resize(1);
  create.ddl.definition->columns[0].name = "v";
  create.ddl.definition->columns[0].type.kind = TypeKind::kVarchar;
  script_ = {Make(Fragment::Kind::kBegin, "a"), create, Make(Fragment::Kind::kCommit, "a", 1, 1)};
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

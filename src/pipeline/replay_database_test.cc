// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "pipeline/replay_database_for_test.h"

namespace godwit {
namespace {

// "É " and "e" are the same text.
std::string Fold(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "é") == 0 || text.compare(i, 2, "É") == 0) {
      out += 'e';
      ++i;
    } else {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

TestDatabase::Row ImageOf(const RowBatch& batch, size_t row, const TestDatabase::Row* base) {
  TestDatabase::Row out;
  for (size_t c = 0; c < batch.columns(); ++c) {
    if (batch.is_absent(row, c)) {
      out.push_back(base ? (*base)[c] : std::nullopt);
    } else if (batch.is_null(row, c)) {
      out.push_back(std::nullopt);
    } else {
      out.emplace_back(batch.cell(row, c));
    }
  }
  return out;
}

[[noreturn]] void Fail(const char* code, const TableName& table) {
  throw Error({.code = code,
               .kind = ErrorKind::kData,
               .side = Side::kDestination,
               .object = table.ToString(),
               .message = code});
}

class TestSink : public Sink {
 public:
  explicit TestSink(TestDatabase& database) : database_(database) {}
  ~TestSink() override { database_.End(this, {}); }
  Fence RaiseEpoch(const std::string&, int) override { return {1, database_.Lanes()}; }
  void Attach(const std::string&, int lane, uint64_t) override { lane_ = lane; }
  void Begin(const LaneProgress& progress) override { progress_ = progress; }
  void Load(const WritePlan&, const RowBatch&) override { FAIL(); }
  void Savepoint() override { FAIL(); }
  void RollbackToSavepoint() override { FAIL(); }
  void Apply(std::span<const RowChange> changes, ApplyMode mode, ForeignKeys) override {
    ++database_.runs;
    for (const RowChange& change : changes) database_.Apply(this, change, mode);
  }
  void Commit(std::stop_token) override {
    int number = database_.NextCommit();
    if (database_.before_commit) database_.before_commit(number);
    database_.End(this, std::pair{lane_, progress_});
  }
  void Rollback() override { database_.End(this, {}); }
  void Execute(const Statement& statement, std::stop_token) override {
    database_.Execute(statement.sql);
  }
  void AwaitStatements(Leftover) override {}
  void Forget(const std::string&) override {}
  double Pressure() override { return 0; }
  uint64_t bytes_written() const override { return 0; }

 private:
  TestDatabase& database_;
  int lane_ = 0;
  LaneProgress progress_;
};

}  // namespace

void TestDatabase::Create(TableSchemaPtr table) {
  MutexLock lock(mutex_);
  TableName name = table->name;
  tables_[name] = {std::move(table), ++created_, {}};
}

void TestDatabase::Redefine(TableSchemaPtr table) {
  MutexLock lock(mutex_);
  tables_.at(table->name).schema = table;
}

void TestDatabase::Drop(const TableName& name) {
  MutexLock lock(mutex_);
  tables_.erase(name);
}

void TestDatabase::Truncate(const TableName& name) {
  MutexLock lock(mutex_);
  tables_.at(name).created = ++created_;
  tables_.at(name).rows.clear();
}

void TestDatabase::Rename(const TableName& from, const TableName& to) {
  MutexLock lock(mutex_);
  Table table = std::move(tables_.at(from));
  tables_.erase(from);
  TableSchema renamed = *table.schema;
  renamed.name = to;
  table.schema = std::make_shared<const TableSchema>(std::move(renamed));
  tables_[to] = std::move(table);
}

TableSchemaPtr TestDatabase::Find(const TableName& name) {
  MutexLock lock(mutex_);
  auto table = tables_.find(name);
  return table == tables_.end() ? nullptr : table->second.schema;
}

std::string TestDatabase::Fingerprint(const TableName& name) {
  MutexLock lock(mutex_);
  auto table = tables_.find(name);
  return table == tables_.end() ? "" : std::to_string(table->second.created);
}

std::vector<TestDatabase::Row> TestDatabase::Rows(const TableName& name) {
  MutexLock lock(mutex_);
  std::vector<Row> rows = tables_.at(name).rows;
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> TestDatabase::violations() {
  MutexLock lock(mutex_);
  return violations_;
}

std::vector<std::string> TestDatabase::statements() {
  MutexLock lock(mutex_);
  return statements_;
}

std::unique_ptr<Sink> TestDatabase::OpenSink() { return std::make_unique<TestSink>(*this); }

std::vector<LaneState> TestDatabase::Lanes() {
  MutexLock lock(mutex_);
  std::vector<LaneState> lanes;
  for (const auto& [lane, progress] : lanes_) lanes.push_back({lane, progress});
  return lanes;
}

int TestDatabase::NextCommit() {
  MutexLock lock(mutex_);
  return ++commits_;
}

std::string TestDatabase::KeyOf(const TableSchema& table, const IndexSchema& index,
                                const Row& row) const {
  std::string key = table.name.ToString() + "/" + index.name;
  for (const KeyPart& part : index.parts) {
    const Cell& cell = row[static_cast<size_t>(table.FindColumn(part.column))];
    if (!cell) return "";
    key += "/" + Fold(*cell);
  }
  return key;
}

void TestDatabase::Own(const void* by, const TableSchema& table, const Row& row) {
  for (const IndexSchema& index : table.indexes) {
    std::string key = KeyOf(table, index, row);
    if (key.empty()) continue;
    auto [owner, is_new] = owners_.emplace(key, by);
    if (!is_new && owner->second != by) violations_.push_back("two lanes at once at " + key);
  }
}

void TestDatabase::Add(const void* by, Table& table, const Row& row) {
  Own(by, *table.schema, row);
  table.rows.push_back(row);
  open_[by].push_back({table.schema->name, row, {}});
}

void TestDatabase::Remove(const void* by, Table& table, size_t row) {
  Own(by, *table.schema, table.rows[row]);
  open_[by].push_back({table.schema->name, {}, table.rows[row]});
  table.rows.erase(table.rows.begin() + static_cast<ptrdiff_t>(row));
}

std::optional<size_t> TestDatabase::FindClash(const Table& table, const Row& row,
                                              const Row* self) const {
  for (size_t i = 0; i < table.rows.size(); ++i) {
    if (self != nullptr && &table.rows[i] == self) continue;
    for (const IndexSchema& index : table.schema->indexes) {
      std::string key = KeyOf(*table.schema, index, row);
      if (!key.empty() && key == KeyOf(*table.schema, index, table.rows[i])) return i;
    }
  }
  return {};
}

void TestDatabase::Apply(const void* by, const RowChange& change, ApplyMode mode) {
  MutexLock lock(mutex_);
  auto found = tables_.find(change.plan->table->name);
  if (found == tables_.end()) Fail("TABLE_MISSING", change.plan->table->name);
  Table& table = found->second;
  const bool displaces = mode == ApplyMode::kDisplace;
  std::optional<size_t> old;
  if (change.op != ChangeOp::kInsert) {
    Row before = ImageOf(*change.before, change.before_row, nullptr);
    Own(by, *table.schema, before);
    for (size_t i = 0; i < table.rows.size(); ++i) {
      bool is_it = change.plan->key.empty() ? table.rows[i] == before : true;
      for (int cell : change.plan->key) {
        const auto c = static_cast<size_t>(cell);
        is_it = is_it && Fold(*table.rows[i][c]) == Fold(*before[c]);
      }
      if (is_it) old = i;
    }
    if (!old && !displaces) Fail("CHANGE_ROW_MISSING", table.schema->name);
  }
  Row base = old ? table.rows[*old] : Row(table.schema->columns.size());
  if (old) Remove(by, table, *old);
  if (change.op == ChangeOp::kDelete) return;
  Row after = ImageOf(*change.after, change.after_row, &base);
  for (auto clash = FindClash(table, after, nullptr); clash;
       clash = FindClash(table, after, nullptr)) {
    if (!displaces) Fail("CHANGE_ROW_EXISTS", table.schema->name);
    Remove(by, table, *clash);
  }
  Add(by, table, after);
}

void TestDatabase::End(const void* by, const std::optional<std::pair<int, LaneProgress>>& commit) {
  MutexLock lock(mutex_);
  std::vector<Undo> undo = std::move(open_[by]);
  open_.erase(by);
  if (commit) {
    lanes_[commit->first] = commit->second;
  } else {
    for (auto step = undo.rbegin(); step != undo.rend(); ++step) {
      Table& table = tables_.at(step->table);
      if (step->added) {
        table.rows.erase(std::find(table.rows.begin(), table.rows.end(), *step->added));
      } else {
        table.rows.push_back(*step->removed);
      }
    }
  }
  std::erase_if(owners_, [&](const auto& entry) { return entry.second == by; });
}

void TestDatabase::Execute(const std::string& sql) {
  {
    MutexLock lock(mutex_);
    statements_.push_back(sql);
  }
  if (on_statement) on_statement(sql);
  std::istringstream words(sql);
  std::string verb, table, to;
  words >> verb >> table >> to;
  if (verb == "truncate") return Truncate({"d", table});
  if (verb == "drop") return Drop({"d", table});
  if (verb == "rename") return Rename({"d", table}, {"d", to});
  Fail("BAD_STATEMENT", {"d", table});
}

}  // namespace godwit

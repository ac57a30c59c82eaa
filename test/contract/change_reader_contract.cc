// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

using Kind = Fragment::Kind;

// Follows the tables it is told of.
class Followed : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName& name) override {
    auto found = tables_.find(name);
    if (found == tables_.end()) return {};
    return found->second;
  }
  bool IsSelected(const TableName&) override { return false; }
  void Put(TableSchemaPtr table) { tables_[table->name] = {table, ++version_}; }

 private:
  std::map<TableName, Versioned> tables_;
  uint64_t version_ = 0;
};

std::string Text(const RowBatch& rows, size_t row) {
  std::string out;
  for (size_t c = 0; c < rows.columns(); ++c) {
    out += (c == 0 ? "" : ",") + (rows.has_value(row, c) ? std::string(rows.cell(row, c)) : "NULL");
  }
  return out;
}

struct Committed {
  std::string transaction;
  std::vector<std::string> rows;  // "I 1,x", "U 1,x > 2,x", "D 2,x"
  Position position;
  Position restart;
};

class ChangeReaderContract : public Contract {
 protected:
  struct Open {
    std::vector<std::string> rows;
    std::map<std::string, size_t> savepoints;
  };
  void SetUp() override {
    Contract::SetUp();
    if (!endpoint().info().can_capture) GTEST_SKIP() << "gives no changes yet";
    table_ = subject_->Make(Shape::kPair, "followed");
    history_.Put(table_);
    reader_ = endpoint().OpenChangeReader();
    application_ = subject_->Connect();
  }

  // Assembles what the reader yields until it has told of everything up to `end`: whole
  // transactions in the order of their commits.
  std::vector<Committed> ReadTo(const Position& end) {
    std::vector<Committed> out;
    const Deadline deadline = Deadline::In(std::chrono::seconds(30));
    for (;;) {
      auto f = reader_->Next(deadline, {});
      if (!f) {
        ADD_FAILURE() << "the log did not come to its end";
        return out;
      }
      if (f->kind == Kind::kBegin) open_[f->transaction] = {};
      if (f->kind != Kind::kHeartbeat) {
        if (!open_.contains(f->transaction)) {
          ADD_FAILURE() << "a fragment of a transaction that has not begun";
          return out;
        }
        Take(open_[f->transaction], *f);
        if (f->kind == Kind::kCommit && !open_[f->transaction].rows.empty()) {
          out.push_back({f->transaction, open_[f->transaction].rows, f->position, f->restart});
        }
        if (f->kind == Kind::kCommit || f->kind == Kind::kRollback) open_.erase(f->transaction);
      }
      if (!f->position.empty() && reader_->Compare(f->position, end) >= 0) return out;
    }
  }
  std::vector<std::vector<std::string>> RowsTo(const Position& end) {
    std::vector<std::vector<std::string>> out;
    for (Committed& committed : ReadTo(end)) out.push_back(std::move(committed.rows));
    return out;
  }
  void StartAt(const Position& from, const Position& known) {
    open_.clear();
    reader_->Start(from, known, history_);
  }
  void StartHere() {
    const Position start = reader_->ProveStart({});
    StartAt(start, start);
  }

  TableSchemaPtr table_;
  Followed history_;
  std::unique_ptr<ChangeReader> reader_;
  std::unique_ptr<Application> application_;
  std::map<std::string, Open> open_;  // since the last start

 private:
  static void Take(Open& open, const Fragment& f) {
    if (f.kind == Kind::kSavepoint) open.savepoints[f.savepoint] = open.rows.size();
    if (f.kind == Kind::kRollbackTo) open.rows.resize(open.savepoints.at(f.savepoint));
    if (f.kind != Kind::kRows) return;
    for (size_t r = 0; r < f.rows.rows(); ++r) {
      switch (f.rows.op) {
        case ChangeOp::kInsert:
          open.rows.push_back("I " + Text(f.rows.after, r));
          break;
        case ChangeOp::kUpdate:
          open.rows.push_back("U " + Text(f.rows.before, r) + " > " + Text(f.rows.after, r));
          break;
        case ChangeOp::kDelete:
          open.rows.push_back("D " + Text(f.rows.before, r));
          break;
      }
    }
  }
};
GODWIT_CONTRACT(ChangeReaderContract);

using Groups = std::vector<std::vector<std::string>>;

TEST_P(ChangeReaderContract, GivesBothImagesOfEveryChange) {
  StartHere();
  application_->Begin();
  application_->Insert(*table_, {"a", "1", "x"});
  application_->Update(*table_, "a", {"b", "-2", std::nullopt});
  application_->Commit();
  application_->Begin();
  application_->Delete(*table_, "b");
  application_->Commit();
  EXPECT_EQ(RowsTo(reader_->Current()),
            (Groups{{"I a,1,x", "U a,1,x > b,-2,NULL"}, {"D b,-2,NULL"}}));
}

TEST_P(ChangeReaderContract, TellsOfWhatIsCommittedOnly) {
  StartHere();
  application_->Begin();
  application_->Insert(*table_, {"gone", "1", "x"});
  application_->Rollback();
  application_->Begin();
  application_->Insert(*table_, {"a", "1", "x"});
  application_->Savepoint("s");
  application_->Insert(*table_, {"b", "1", "x"});
  application_->RollbackTo("s");
  application_->Insert(*table_, {"c", "1", "x"});
  application_->Commit();
  EXPECT_EQ(RowsTo(reader_->Current()), (Groups{{"I a,1,x", "I c,1,x"}}));
}

TEST_P(ChangeReaderContract, CommitsComeInTheirOrderHoweverTransactionsInterleave) {
  StartHere();
  auto other = subject_->Connect();
  application_->Begin();
  other->Begin();
  application_->Insert(*table_, {"a", "1", ""});
  other->Insert(*table_, {"b", "1", ""});
  application_->Insert(*table_, {"c", "1", ""});
  other->Commit();
  application_->Commit();
  EXPECT_EQ(RowsTo(reader_->Current()), (Groups{{"I b,1,"}, {"I a,1,", "I c,1,"}}));
}

// The heart of it: a transaction open when the start point is proved is either seen by later reads
// already, or comes whole.
TEST_P(ChangeReaderContract, NoTransactionFallsBetweenTheStartPointAndTheFirstRead) {
  application_->Begin();
  application_->Insert(*table_, {"early", "1", ""});
  StartHere();
  application_->Insert(*table_, {"late", "1", ""});
  const std::vector<Cells> seen = ReadAll(table_);
  application_->Commit();
  const Groups told = RowsTo(reader_->Current());
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(told, (Groups{{"I early,1,", "I late,1,"}}));
}

TEST_P(ChangeReaderContract, ComesToItsEndBesideAnOpenTransaction) {
  StartHere();
  auto other = subject_->Connect();
  other->Begin();
  other->Insert(*table_, {"open", "1", ""});
  Write(*table_, {{"a", "1", ""}});
  EXPECT_EQ(RowsTo(reader_->Current()), (Groups{{"I a,1,"}}));
  other->Commit();
  EXPECT_EQ(RowsTo(reader_->Current()), (Groups{{"I open,1,"}}));
}

TEST_P(ChangeReaderContract, DeliversAgainFromEveryRestartPosition) {
  StartHere();
  auto other = subject_->Connect();
  other->Begin();
  other->Insert(*table_, {"long", "1", ""});
  Write(*table_, {{"a", "1", ""}});
  Write(*table_, {{"b", "1", ""}});
  other->Insert(*table_, {"long", "2", ""});
  other->Commit();
  Write(*table_, {{"c", "1", ""}});
  const Position end = reader_->Current();
  const std::vector<Committed> all = ReadTo(end);
  ASSERT_EQ(all.size(), 4u);
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(reader_->Compare(all[i - 1].position, all[i].position), 0);
    }
    EXPECT_LE(reader_->Compare(all[i].restart, all[i].position), 0);
    StartAt(all[i].restart, all[i].position);
    // What lies behind the position comes whole; what lies before it may come again.
    std::vector<Committed> later;
    if (i + 1 == all.size()) continue;
    for (Committed& committed : ReadTo(end)) {
      if (reader_->Compare(committed.position, all[i].position) > 0) later.push_back(committed);
    }
    ASSERT_EQ(later.size(), all.size() - i - 1) << i;
    for (size_t k = 0; k < later.size(); ++k) {
      EXPECT_EQ(later[k].rows, all[i + 1 + k].rows);
      EXPECT_EQ(later[k].transaction, all[i + 1 + k].transaction);
    }
  }
}

TEST_P(ChangeReaderContract, ASnapshotsPositionSeparatesExactly) {
  StartHere();
  Write(*table_, {{"before", "1", ""}});
  auto other = subject_->Connect();
  other->Begin();
  other->Insert(*table_, {"across", "1", ""});
  auto rows = endpoint().OpenRowReader();
  const Position position = rows->BeginSnapshot();
  other->Commit();
  Write(*table_, {{"after", "1", ""}});
  std::vector<std::string> shown;
  for (const Cells& row : Read(*rows, ScanOf(table_), {})) shown.push_back("I " + *row[0] + ",1,");
  rows->EndSnapshot();
  std::vector<std::string> told_before;
  for (const Committed& committed : ReadTo(reader_->Current())) {
    if (reader_->Compare(committed.position, position) <= 0) {
      told_before.insert(told_before.end(), committed.rows.begin(), committed.rows.end());
    }
  }
  EXPECT_EQ(shown, told_before);
  EXPECT_EQ(shown, std::vector<std::string>{"I before,1,"});
}

TEST_P(ChangeReaderContract, LeavesOutTablesItDoesNotFollow) {
  auto unknown = subject_->Make(Shape::kKeyless, "unfollowed");
  StartHere();
  Write(*unknown, {{"x", "y"}});
  Write(*table_, {{"a", "1", ""}});
  EXPECT_EQ(RowsTo(reader_->Current()), (Groups{{"I a,1,"}}));
}

TEST_P(ChangeReaderContract, PositionsHaveAnOrderAndAName) {
  const Position before = reader_->Current();
  Write(*table_, {{"a", "1", ""}});
  const Position after = reader_->Current();
  EXPECT_EQ(reader_->Compare(before, before), 0);
  EXPECT_LT(reader_->Compare(before, after), 0);
  EXPECT_GT(reader_->Compare(after, before), 0);
  EXPECT_NE(reader_->Describe(after), "");
  EXPECT_NE(reader_->Describe(after), reader_->Describe(before));
}

}  // namespace
}  // namespace godwit::contract

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/endpoint.h"

namespace godwit::contract {

using Cell = std::optional<std::string>;
using Cells = std::vector<Cell>;

// The tables every subject can make; text compares by its bytes.
enum class Shape {
  kKeyed,    // id INT primary key; code VARCHAR(20) unique; a, b VARCHAR(20)
  kPair,     // p VARCHAR(20), q INT: primary key (p, q); a VARCHAR(20)
  kKeyless,  // a, b VARCHAR(20)
};

// An application's own connection to the server under test: it writes what Godwit is to notice.
class Application {
 public:
  virtual ~Application() = default;
  virtual void Begin() = 0;
  virtual void Commit() = 0;
  virtual void Rollback() = 0;
  virtual void Savepoint(const std::string& name) = 0;
  virtual void RollbackTo(const std::string& name) = 0;
  virtual void Insert(const TableSchema& table, const Cells& row) = 0;
  // The row whose first column is `id`.
  virtual void Update(const TableSchema& table, const std::string& id, const Cells& row) = 0;
  virtual void Delete(const TableSchema& table, const std::string& id) = 0;
};

// A server under test.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Endpoint& endpoint() = 0;
  virtual std::unique_ptr<Application> Connect() = 0;
  // Makes the table anew, empty; returns what the catalogue says of it.
  virtual TableSchemaPtr Make(Shape shape, const std::string& name) = 0;
  virtual std::string database() const = 0;
  // Makes the answer of the next commit get lost: did it happen? False where this cannot be done.
  virtual bool LoseNextCommitAnswer(bool happened) = 0;
};

// Defined once for each test program.
std::vector<std::string> SubjectNames();
std::unique_ptr<Subject> OpenSubject(const std::string& name);

class Contract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { subject_ = OpenSubject(GetParam()); }
  Endpoint& endpoint() { return subject_->endpoint(); }
  // Committed rows by the application.
  void Write(const TableSchema& table, const std::vector<Cells>& rows);
  std::vector<Cells> ReadAll(const TableSchemaPtr& table);

  std::unique_ptr<Subject> subject_;
};

#define GODWIT_CONTRACT(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(Endpoints, suite, ::testing::ValuesIn(SubjectNames()), \
                           [](const auto& subject) { return subject.param; })

void AddRow(RowBatch& batch, const Cells& row);
RowBatch BatchOf(const std::vector<Cells>& rows);
std::vector<Cells> ToRows(const RowBatch& batch);
ScanPlan ScanOf(const TableSchemaPtr& table);
WritePlan WriteOf(const TableSchemaPtr& table);
std::vector<Cells> Read(RowReader& reader, const ScanPlan& plan, const KeyRange& range);
// The code of the Error that `action` throws, "" if none.
template <typename Action>
std::string CodeOf(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return "";
}

}  // namespace godwit::contract

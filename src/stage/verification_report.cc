// SPDX-License-Identifier: Apache-2.0
#include "stage/verification_report.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace godwit {

namespace {

constexpr size_t kLongestShown = 400;
constexpr std::string_view kLaterStatements = ".sql-later";
constexpr size_t kLongestFileName = 255 - kLaterStatements.size();

// Names become file names without anything a file system could mind. Two names of 64 characters may
// take more bytes than one: of such a name the end is a hash, behind a sign that no other has.
std::string FileName(const TableName& table) {
  const std::string name = table.ToString();
  std::string out;
  for (unsigned char c : name) {
    const bool is_plain =
        c >= 0x80 || std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '$';
    out += is_plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02x}", c);
  }
  if (out.size() <= kLongestFileName) return out;
  const std::string hash = fmt::format("~{:016x}", XXH3_64bits(name.data(), name.size()));
  size_t end = kLongestFileName - hash.size();
  while ((static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;  // not within a character
  return out.substr(0, end) + hash;
}

bool IsBinary(const LogicalType& type) {
  return type.is_bytes() || type.kind == TypeKind::kBit || type.kind == TypeKind::kGeometry;
}

// A cell on one line: quoted text, hexadecimal bytes, plain numbers; long ones are cut.
std::string Shown(const ColumnSchema& column, std::string_view cell) {
  std::string out;
  const bool is_cut = cell.size() > kLongestShown;
  const std::string_view shown = cell.substr(0, kLongestShown);
  if (IsBinary(column.type)) {
    out = "0x";
    for (unsigned char c : shown) out += fmt::format("{:02x}", c);
  } else if (column.type.kind == TypeKind::kInteger || column.type.kind == TypeKind::kDecimal ||
             column.type.kind == TypeKind::kFloat) {
    out = shown;
  } else {
    out = "'";
    for (unsigned char c : shown) {
      if (c == '\'' || c == '\\') out.push_back('\\');
      out += c < 0x20 || c == 0xff ? fmt::format("\\x{:02x}", c)
                                   : std::string(1, static_cast<char>(c));
    }
    out += "'";
  }
  if (is_cut) out += fmt::format("… ({} bytes)", cell.size());
  return out;
}

std::string Shown(const ColumnSchema& column, const RowBatch& rows, size_t cell) {
  return rows.has_value(0, cell) ? Shown(column, rows.cell(0, cell)) : "NULL";
}

std::string ShownKey(const ComparePlan& plan, const KeyTuple& key) {
  std::string out;
  for (size_t i = 0; i < key.size(); ++i) {
    const ColumnSchema& column = plan.source_column(plan.key_cells[i]);
    out += fmt::format("{}{}={}", i == 0 ? "" : ", ", column.name, Shown(column, key[i]));
  }
  return key.empty() ? "(no key)" : out;
}

std::string Lines(const ComparePlan& plan, const Difference& difference) {
  const RowBatch& source = difference.source;
  const RowBatch& destination = difference.destination;
  const std::string key = ShownKey(plan, difference.key);
  if (difference.kind == Difference::Kind::kDifferent) {
    std::string out =
        fmt::format("{} {}\n", difference.is_computed(plan) ? "computed" : "different", key);
    for (int cell : difference.cells) {
      const ColumnSchema& column = plan.source_column(cell);
      const ColumnSchema& there = plan.destination_column(cell);
      out += fmt::format("  {}: {} → {}\n", column.name, Shown(column, source, cell),
                         Shown(there, destination, cell));
      if (!plan.is_computed(cell)) continue;
      out += fmt::format("    the destination computes {} itself: {}\n", there.name,
                         there.generation_expression);
    }
    return out;
  }
  const bool at_source = difference.kind == Difference::Kind::kOnlySource;
  std::string out = fmt::format("{} {}\n", at_source ? "only-source" : "only-destination", key);
  const RowBatch& row = at_source ? source : destination;
  for (size_t cell = 0; cell < row.columns() && row.rows() > 0; ++cell) {
    const ColumnSchema& column =
        at_source ? plan.source_column(cell) : plan.destination_column(cell);
    out += fmt::format("  {}: {}\n", column.name, Shown(column, row, cell));
  }
  return out;
}

[[noreturn]] void FailOn(const std::string& path, const std::string& message) {
  throw Error({.code = "VERIFICATION_REPORT_FAILED",
               .kind = ErrorKind::kBlocked,
               .object = path,
               .message = message,
               .cause = "the disk is full, or the directory cannot be written",
               .remedy = "make room there or fix its permissions, then resume"});
}

void Remove(const std::string& path) {
  std::error_code failure;
  std::filesystem::remove(path, failure);
  if (failure) FailOn(path, fmt::format("cannot remove {}: {}", path, failure.message()));
}

}  // namespace

VerificationReport::VerificationReport(std::string directory, const Dialect& destination,
                                       StageProgress& progress, OnFinished on_finished)
    : directory_(std::move(directory)),
      destination_(destination),
      progress_(progress),
      on_finished_(std::move(on_finished)) {
  std::error_code failure;
  std::filesystem::create_directories(directory_, failure);
  if (failure) FailOn(directory_, fmt::format("cannot make {}: {}", directory_, failure.message()));
}

std::string VerificationReport::Path(const TableName& table, std::string_view extension) const {
  return fmt::format("{}/{}{}", directory_, FileName(table), extension);
}

VerificationReport::Table& VerificationReport::Of(const CompareJob& job) {
  MutexLock lock(mutex_);
  auto& table = tables_[job.plan->name()];
  if (!table) table = std::make_unique<Table>();
  return *table;
}

void VerificationReport::Restart(const TableName& table) {
  MutexLock lock(mutex_);
  tables_.erase(table);
  for (std::string_view extension :
       std::initializer_list<std::string_view>{".diff", ".sql", kLaterStatements, ".keys"}) {
    Remove(Path(table, extension));
  }
}

void VerificationReport::Compared(const CompareJob& job, uint64_t rows, uint64_t bytes) {
  Table& table = Of(job);
  progress_.rows.Add(static_cast<int64_t>(rows));
  progress_.bytes.Add(static_cast<int64_t>(bytes));
  MutexLock lock(table.mutex);
  table.verdict.rows += rows;
  table.verdict.bytes += bytes;
}

void VerificationReport::Write(std::ofstream& file, const TableName& table,
                               std::string_view extension, const std::string& text) {
  const std::string path = Path(table, extension);
  if (!file.is_open()) {
    file.open(path, std::ios::binary | std::ios::trunc);
    if (extension == ".sql") file << destination_.ScriptHead();
  }
  file << text;
  if (!file.flush()) FailOn(path, "cannot write " + path);
}

void VerificationReport::Found(const CompareJob& job, const Difference& difference) {
  const ComparePlan& plan = *job.plan;
  Table& table = Of(job);
  std::string lines = Lines(plan, difference);
  std::string statement;
  try {
    statement = Statement(plan, difference);
  } catch (const Error& error) {  // of bytes that are no text
    if (error.kind() != ErrorKind::kData) throw;
    lines += fmt::format("  {}: {}\n", error.code(), error.fields().message);
  }
  MutexLock lock(table.mutex);
  Write(table.diff, plan.name(), ".diff", lines);
  if (!statement.empty()) {
    const bool comes_first = difference.kind == Difference::Kind::kOnlyDestination;
    Write(comes_first ? table.sql : table.sql_later, plan.name(),
          comes_first ? ".sql" : kLaterStatements, statement + ";\n");
  }
  switch (difference.kind) {
    case Difference::Kind::kOnlySource:
      ++table.verdict.only_source;
      break;
    case Difference::Kind::kOnlyDestination:
      ++table.verdict.only_destination;
      return;
    case Difference::Kind::kDifferent:
      if (difference.is_computed(plan)) {
        ++table.verdict.computed;
        return;
      }
      ++table.verdict.different;
      break;
  }
  if (!plan.has_key()) return;
  std::string record;
  AppendLengthPrefixed(record, EncodeKey(difference.key));
  Write(table.keys, plan.name(), ".keys", record);
}

void VerificationReport::Unsettled(const CompareJob& job, const KeyTuple& key) {
  Table& table = Of(job);
  MutexLock lock(table.mutex);
  Write(table.diff, job.plan->name(), ".diff",
        fmt::format("unsettled {}\n", ShownKey(*job.plan, key)));
  ++table.verdict.unsettled;
}

void VerificationReport::KeptChanging(const CompareJob& job) {
  TableVerdict verdict;
  {
    Table& table = Of(job);
    MutexLock lock(table.mutex);
    verdict.rows = table.verdict.rows;
    verdict.bytes = table.verdict.bytes;
  }
  verdict.unsettled = std::max<uint64_t>(verdict.rows, 1);
  Restart(job.plan->name());
  AddLines(job, "unsettled: the table's definition changed each time it was compared\n");
  on_finished_(job, verdict);
}

void VerificationReport::AddLines(const CompareJob& job, const std::string& lines) {
  Table& table = Of(job);
  MutexLock lock(table.mutex);
  if (!table.diff.is_open()) {
    table.diff.open(Path(job.plan->name(), ".diff"), std::ios::binary | std::ios::app);
  }
  Write(table.diff, job.plan->name(), ".diff", lines);
}

void VerificationReport::NotCorrected(const CompareJob& job, const KeyTuple& key,
                                      const Error& why) {
  const ErrorFields& fields = why.fields();
  AddLines(job, fmt::format("not corrected {}\n  {}: {}\n  cause: {}\n", ShownKey(*job.plan, key),
                            fields.code, fields.message, fields.cause));
}

void VerificationReport::NotCorrected(const CompareJob& job, uint64_t rows, const Error& why) {
  const ErrorFields& fields = why.fields();
  AddLines(job, fmt::format("not corrected: {} rows\n  {}: {}\n  cause: {}\n  remedy: compare "
                            "and correct again when that is over\n",
                            rows, fields.code, fields.message, fields.cause));
}

void VerificationReport::Finished(const CompareJob& job) {
  TableVerdict verdict;
  {
    Table& table = Of(job);
    MutexLock lock(table.mutex);
    verdict = table.verdict;
    const std::string later = Path(job.plan->name(), kLaterStatements);
    if (table.sql_later.is_open()) {
      table.sql_later.close();
      std::ifstream statements(later, std::ios::binary);
      Write(table.sql, job.plan->name(), ".sql", "");
      table.sql << statements.rdbuf();
      Write(table.sql, job.plan->name(), ".sql", "");
      Remove(later);
    }
  }
  on_finished_(job, verdict);
}

std::string VerificationReport::Statement(const ComparePlan& plan,
                                          const Difference& difference) const {
  if (difference.is_computed(plan)) return "";
  auto image = [&](const RowBatch& rows) {
    RowImage out;
    for (size_t cell = 0; cell < plan.carried; ++cell) {
      out.push_back(rows.has_value(0, cell) ? std::optional(std::string(rows.cell(0, cell)))
                                            : std::nullopt);
    }
    return out;
  };
  std::optional<RowImage> before;
  std::optional<RowImage> after;
  if (difference.destination.rows() > 0) before = image(difference.destination);
  if (difference.source.rows() > 0) after = image(difference.source);
  if (!before && !after) return "";
  return destination_.ChangeRow(*plan.destination.table, plan.plan->write().columns, before, after);
}

void VerificationReport::ReadKeys(const std::string& path, size_t count,
                                  const std::function<void(const std::vector<KeyTuple>&)>& take) {
  std::ifstream file(path, std::ios::binary);
  std::vector<KeyTuple> keys;
  std::string key;
  while (file && file.peek() != std::ifstream::traits_type::eof()) {
    uint64_t size = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const int byte = file.get();
      size |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    if (size > (64 << 20))
      throw Error({.code = "CORRUPT_BYTES",
                   .kind = ErrorKind::kBlocked,
                   .object = path,
                   .message = "a key in " + path + " has no end",
                   .cause = "the file was damaged after Godwit wrote it",
                   .remedy = "verify the table again: a new report is written"});
    key.resize(size);
    if (!file.read(key.data(), static_cast<std::streamsize>(size))) break;
    keys.push_back(DecodeKey(key));
    if (keys.size() < count) continue;
    take(keys);
    keys.clear();
  }
  if (!keys.empty()) take(keys);
}

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command_context.h"
#include "cli/signals.h"
#include "cli/text.h"

namespace godwit {

using nlohmann::json;

namespace {

struct Arguments {
  std::string name;
  std::string from;
  std::string to;
  std::string table;
};

constexpr std::string_view Word(ChangeOp op) {
  switch (op) {
    case ChangeOp::kInsert:
      return "insert";
    case ChangeOp::kUpdate:
      return "update";
    case ChangeOp::kDelete:
      return "delete";
  }
  return "";
}

// Bytes that are no text are shown as 0x….
bool IsBinary(const ColumnSchema& column, std::string_view cell) {
  if (column.charset.empty() || column.charset == "binary") {
    for (unsigned char c : cell) {
      if (c < 0x20 || c > 0x7e) return true;
    }
  }
  return false;
}

std::string Hex(std::string_view bytes) {
  std::string out = "0x";
  for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
  return out;
}

json RowJson(const TableSchema& table, const RowBatch& rows, size_t row) {
  json out = json::object();
  for (size_t c = 0; c < rows.columns() && c < table.columns.size(); ++c) {
    const ColumnSchema& column = table.columns[c];
    switch (rows.state(row, c)) {
      case RowBatch::CellState::kAbsent:
        break;
      case RowBatch::CellState::kNull:
        out[column.name] = nullptr;
        break;
      case RowBatch::CellState::kValue: {
        const std::string_view cell = rows.cell(row, c);
        out[column.name] = IsBinary(column, cell) ? Hex(cell) : std::string(cell);
        break;
      }
    }
  }
  return out;
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Printer {
 public:
  explicit Printer(const CommandContext& context) : is_json_(context.json) {}

  void operator()(const LoggedTransaction& transaction, int index, const LogPart* part) const {
    if (part == nullptr) return Head(transaction);
    if (part->kind == LogPart::Kind::kDdl) return Ddl(transaction, index, part->ddl);
    const RowsChange& change = part->rows;
    for (size_t row = 0; row < change.rows(); ++row) Row(transaction, index, change, row);
  }

 private:
  void Head(const LoggedTransaction& t) const {
    if (is_json_) {
      fmt::print("{}\n", Dump({{"kind", "transaction"},
                               {"sequence", t.sequence},
                               {"transaction", t.transaction},
                               {"time", MomentText(t.source_time_us)},
                               {"rows", t.rows},
                               {"bytes", t.bytes}}));
    } else {
      fmt::print("transaction {}  {}  {}  {} rows  {}\n", t.sequence, MomentText(t.source_time_us),
                 t.transaction, t.rows, BytesText(static_cast<int64_t>(t.bytes)));
    }
  }

  void Ddl(const LoggedTransaction& t, int index, const SchemaChange& ddl) const {
    if (is_json_) {
      fmt::print("{}\n", Dump({{"kind", "ddl"},
                               {"sequence", t.sequence},
                               {"part", index},
                               {"database", ddl.default_database},
                               {"statement", ddl.statement}}));
    } else {
      fmt::print("  ddl [{}] {}\n", ddl.default_database, ddl.statement);
    }
  }

  void Row(const LoggedTransaction& t, int index, const RowsChange& change, size_t row) const {
    const TableSchema& table = *change.table;
    json before = change.op == ChangeOp::kInsert ? json() : RowJson(table, change.before, row);
    json after = change.op == ChangeOp::kDelete ? json() : RowJson(table, change.after, row);
    if (is_json_) {
      fmt::print("{}\n", Dump({{"kind", Word(change.op)},
                               {"sequence", t.sequence},
                               {"part", index},
                               {"table", table.name.ToString()},
                               {"before", std::move(before)},
                               {"after", std::move(after)}}));
      return;
    }
    std::string line = fmt::format("  {} {}", Word(change.op), table.name.ToString());
    if (!before.is_null()) line += " " + Dump(before);
    if (change.op == ChangeOp::kUpdate) line += " ->";
    if (!after.is_null()) line += " " + Dump(after);
    fmt::print("{}\n", line);
  }

  const bool is_json_;
};

}  // namespace

void AddStore(CLI::App& app, CommandContext& context) {
  CLI::App* group = app.add_subcommand("store", "Look at what was captured");
  group->require_subcommand(1);
  CLI::App* dump = group->add_subcommand("dump", "Print captured transactions and rows");
  auto arguments = std::make_shared<Arguments>();
  dump->add_option("NAME", arguments->name, "The project")->required();
  dump->add_option("--from", arguments->from, "Commit time at the source, UTC");
  dump->add_option("--to", arguments->to, "Commit time at the source, UTC");
  dump->add_option("--table", arguments->table, "Only this table: db.table, or a pattern");
  dump->callback([&context, arguments] {
    context.command = [&context, arguments] {
      DumpRequest request{.table = arguments->table};
      if (!arguments->from.empty()) request.from_us = ParseMoment(arguments->from);
      if (!arguments->to.empty()) request.to_us = ParseMoment(arguments->to);
      OpenState state(context);
      SignalWatch signals(nullptr);
      state.projects().StoreDump(arguments->name, request, Printer(context), signals.stop_token());
      return signals.signal() == 0 ? 0 : 128 + signals.signal();
    };
  });
}

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
// The full stage and tables that the source drops between the schema stage and their copy.
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "stage/full.h"
#include "stage/schema.h"

namespace godwit {

using nlohmann::json;

namespace {

// Of a copy: neither done nor open, for the source may have the table again.
constexpr std::string_view kDropped = "dropped";

}  // namespace

void FullStage::TakeOutLost(const std::vector<TableSchemaPtr>& tables, std::stop_token stop) {
  const std::set<TableName> lost = LostOf(tables);
  if (lost.empty()) return;
  // The log may have changes of theirs, for which they count as copied now.
  if (capturer_ != nullptr) return CopyAgain(lost, stop);
  for (const TableName& name : lost) {
    if (stop.stop_requested()) throw Stopped();
    DropLost(name, stop);
  }
}

std::set<TableName> FullStage::LostOf(const std::vector<TableSchemaPtr>& tables) {
  auto destination = [&](const TableName& source) {
    return link_.destination.dialect().Folded(link_.translator.rules().Find(source)->destination);
  };
  std::set<TableName> known;
  std::set<TableName> used;  // by those that the source has
  for (const TableSchemaPtr& table : tables) {
    known.insert(table->name);
    used.insert(destination(table->name));
  }
  std::set<TableName> lost;
  for (const JournalEntry& entry : link_.metadata.Entries(link_.project, "schema")) {
    const TableName name = TableName::FromText(entry.object);
    const bool is_candidate =
        entry.status != "skipped" && !known.contains(name) && !journal_.IsDone(entry.object) &&
        link_.translator.rules().Find(name) && !used.contains(destination(name));
    if (!is_candidate) continue;
    const json detail = json::parse(entry.detail, nullptr, false);
    const bool is_table = detail.is_object() && detail.value("kind", "") == "table" &&
                          !detail.value("planned", false);  // nothing was made of it
    // Of the user's own table only what was copied into it is the project's.
    const std::string status = journal_.Status(entry.object);
    const bool is_to_go = status == "running" || (status != kDropped && IsOursToMake(name));
    if (is_table && is_to_go) lost.insert(name);
  }
  return lost;
}

void FullStage::DropLost(const TableName& source, std::stop_token stop) {
  // Not a table that is only hidden from the account: looking at it says so.
  if (source_->Table(source)) return;
  const TableName destination = link_.translator.rules().Find(source)->destination;
  const bool is_ours = IsOursToMake(source);
  if (!is_ours) {
    Truncate(source, stop);
  } else if (destination_->Table(destination)) {
    DropTable(*sink_, link_.destination.dialect(), destination, stop);
  }
  CrashPoint("full-after-lost");
  link_.metadata.RemoveChunks(link_.project, source);
  if (is_ours) ForgetDefinition(source);
  journal_.Put(source.ToString(), kDropped, {{"rows", 0}});
}

}  // namespace godwit

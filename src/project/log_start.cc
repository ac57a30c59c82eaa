// SPDX-License-Identifier: Apache-2.0
#include "project/log_start.h"

#include <algorithm>

#include "pipeline/replayer.h"
#include "project/figures.h"
#include "stage/journal.h"

namespace godwit {
namespace {

constexpr const char* kCascades = "source.cascades";
constexpr const char* kLogged = "logged";
constexpr const char* kUnlogged = "unlogged";

// Precheck has passed such keys, and the copy does not take their tables together.
bool CountsOnThem(Metadata& metadata, int64_t project, Store& store) {
  if (!metadata.Setting(project, "capture.ready")) {
    return StageJournal(metadata, project, "stages").IsDone("precheck");
  }
  const std::vector<SchemaVersion> schemas = store.LatestSchemas();
  return std::any_of(schemas.begin(), schemas.end(), [](const SchemaVersion& known) {
    return known.table && std::any_of(known.table->foreign_keys.begin(),
                                      known.table->foreign_keys.end(), Cascades);
  });
}

}  // namespace

bool HoldCascades(Metadata& metadata, int64_t project, const Endpoint& source, Store& store) {
  const bool are_logged = source.info().logs_cascades;
  const auto known = metadata.Setting(project, kCascades);
  if (known == kUnlogged) return false;
  if (known && !are_logged && CountsOnThem(metadata, project, store)) {
    throw Error({.code = "CASCADES_CHANGED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .message = "what cascading foreign keys do to rows is not surely in the source's "
                            "log any more, which the project counts on",
                 .cause = "innodb_native_foreign_keys was switched on, or another server has taken "
                          "the source's place that is older, or a replica",
                 .remedy = "connect to a server that logs them (MySQL from 9.6 on that replicates "
                           "from none: RESET REPLICA ALL); else release the project, empty its "
                           "tables at the destination, and migrate again"});
  }
  const std::string now = are_logged ? kLogged : kUnlogged;
  if (known != now) metadata.PutSetting(project, kCascades, now);
  return are_logged;
}

void PrepareLog(Link& link) {
  // A start point counts once the log was read past the definitions that go with it.
  if (!link.metadata.Setting(link.project, "capture.ready")) {
    link.store.Reset();
    ChangeTally(link.metadata, link.project).Reset();
  } else if (link.store.restart().empty()) {
    throw LogGap(link.name);
  }
}

}  // namespace godwit

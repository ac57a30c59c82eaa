// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"

namespace godwit {

// A part is all of one table; parts of one table follow one another, mostly.
void Spool::Counts::Add(const RowsChange& change) {
  const uint64_t count = change.rows();
  rows += count;
  auto table = std::find_if(changes.rbegin(), changes.rend(), [&](const TableChanges& known) {
    return known.schema_version == change.schema_version;
  });
  TableChanges& here =
      table != changes.rend() ? *table : changes.emplace_back(TableChanges{change.schema_version});
  switch (change.op) {
    case ChangeOp::kInsert:
      here.inserts += count;
      break;
    case ChangeOp::kUpdate:
      here.updates += count;
      break;
    case ChangeOp::kDelete:
      here.deletes += count;
      break;
  }
}

uint64_t Spool::RollbackTo(uint64_t mark) {
  const auto found = marks_.find(mark);
  GODWIT_CHECK(found != marks_.end(), "a rollback goes to a mark that was set and not undone");
  counts_ = found->second;
  marks_.erase(std::next(found), marks_.end());
  const uint64_t kept = counts_.parts;
  if (kept >= spilled_) {
    ends_.resize(kept - spilled_);
    pending_.resize(ends_.empty() ? 0 : ends_.back());
    return 0;
  }
  const uint64_t surplus = spilled_ - kept;
  spilled_ = kept;
  ends_.clear();
  pending_.clear();
  return surplus;
}

}  // namespace godwit

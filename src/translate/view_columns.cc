// SPDX-License-Identifier: Apache-2.0
#include "translate/view_columns.h"

#include <fmt/format.h>

#include "base/error.h"
#include "model/expression_names.h"

namespace godwit {

void CheckViewColumns(const ViewSchema& view, const TableName& table, const TableMapping& mapping) {
  for (const auto& [from, to] : mapping.column_names) {
    const bool names_new = Mentions(view.select, to);
    if (!names_new && !Mentions(view.select, from)) continue;
    throw Error({.code = "DDL_NOT_CONVERTIBLE",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = view.name.ToString(),
                 .message = fmt::format("the view names {}, and column {} of {} becomes {}",
                                        names_new ? to : from, from, table.ToString(), to),
                 .cause = "names in a view's SELECT are not renamed: it might show another column",
                 .remedy = "give the view's statement in the destination's names (project resolve "
                           "NAME VIEW --edit FILE), leave the view out (--exclude), or keep the "
                           "column's name"});
  }
}

}  // namespace godwit

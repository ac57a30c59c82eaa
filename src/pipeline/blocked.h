// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace godwit {

// Something that cannot go on by itself: a statement, a row, an object.
struct BlockedItem {
  std::string stage;      // "incremental", "schema", …
  std::string kind;       // "ddl", "row", "object"
  std::string object;     // "db.table"
  std::string statement;  // of a DDL: as the source logged it, then what was tried
  std::string converted;
  Error error;
};

struct Answer {
  enum class Choice { kRetry, kSkip, kDone, kEdit };
  Choice choice = Choice::kRetry;
  std::string statement;  // kEdit: run this instead
};

// Shows the item to the user and waits for an answer. Throws Stopped, or the item's error where
// nobody is going to answer. Any thread.
using AskUser = std::function<Answer(const BlockedItem& item, std::stop_token stop)>;

}  // namespace godwit

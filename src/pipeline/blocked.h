// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "metadata/metadata.h"
#include "model/position.h"

namespace godwit {

// The transactions of the log that something belongs to: one, or those of a merged window. 0: it
// does not come from the log.
struct LogSpan {
  Sequence first = 0;
  Sequence last = 0;
};
inline bool Overlap(const LogSpan& a, const LogSpan& b) {
  return a.first <= b.last && b.first <= a.last;
}

// Something that cannot go on by itself: a statement, a row, an object.
struct BlockedItem {
  std::string stage;      // "incremental", "schema", …
  std::string kind;       // "ddl", "row", "object"
  std::string object;     // "db.table"
  std::string statement;  // of a DDL: as the source logged it, then what was tried
  std::string converted;
  LogSpan span = {};     // tells it from what looks the same and comes later
  std::string row = {};  // of a row: a digest that tells it from those that look the same
  uint64_t alike = 0;    // how many with the same digest and span were given up before
  Error error;
};

struct Answer {
  enum class Choice { kRetry, kSkip, kDone, kEdit };
  Choice choice = Choice::kRetry;
  std::string statement;  // kEdit: run this instead
};
inline bool IsGivenUp(const Answer& answer) {
  return answer.choice == Answer::Choice::kSkip || answer.choice == Answer::Choice::kDone;
}

// Shows an item to the user and waits for an answer. Any thread.
class AskUser {
 public:
  using Ask = std::function<Answer(const BlockedItem& item, std::stop_token stop)>;
  using Look = std::function<std::optional<Answer>(const BlockedItem& item)>;

  AskUser() = default;
  // Any function that asks; of answers that were given before it knows nothing.
  template <typename Callable>
    requires(!std::is_same_v<Callable, AskUser> &&
             std::is_invocable_r_v<Answer, Callable&, const BlockedItem&, std::stop_token>)
  AskUser(Callable ask) : ask_(std::move(ask)) {}
  AskUser(Ask ask, Look look) : ask_(std::move(ask)), look_(std::move(look)) {}

  // Throws Stopped, or the item's error where nobody is going to answer.
  Answer operator()(const BlockedItem& item, std::stop_token stop) const {
    return ask_(item, stop);
  }
  // What was answered to the item before, to be obeyed before it is tried again: while nobody ran,
  // or, where it was to give it up, in any run. Taken by the call. Its error does not matter.
  std::optional<Answer> Given(const BlockedItem& item) const {
    return look_ ? look_(item) : std::nullopt;
  }

 private:
  Ask ask_;
  Look look_;
};

// The span of the item that a finding was made of.
LogSpan SpanOf(const Finding& finding);

// A row of the log that was asked about, answered or not.
struct AskedRow {
  LogSpan span;
  std::string statement;
  std::string row;  // empty: an earlier version asked
};
// A stage's, of transactions after `applied`.
std::vector<AskedRow> AskedRows(Metadata& metadata, int64_t project, std::string_view stage,
                                Sequence applied);

// Closes a stage's findings that no answer has closed: their cause has gone. Of those from the log
// the ones up to `through`. An answer that was not needed stays in the detail, as "unused".
void CloseFindings(Metadata& metadata, int64_t project, std::string_view stage,
                   Sequence through = std::numeric_limits<Sequence>::max());

}  // namespace godwit

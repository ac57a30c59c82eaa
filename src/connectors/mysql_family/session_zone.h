// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit::mysql {

// A date with a time, as a literal of MySQL's says it.
struct ClockTime {
  int64_t seconds = 0;            // since 1970, as if the clock showed UTC
  std::string fraction;           // ".250", or nothing
  std::optional<int64_t> offset;  // seconds from UTC, where the literal ends in one ("+08:00")

  // nullopt for a zero date, and for a form that is not known here.
  static std::optional<ClockTime> Parse(std::string_view text);
  // "YYYY-MM-DD hh:mm:ss" and the fraction.
  std::string ToText() const;
};

// "+08:00" in seconds; nullopt for anything else.
std::optional<int64_t> ParseOffset(std::string_view text);

// The time zone of a session as its events name it: an offset from UTC, or a name of the server's
// ("SYSTEM", "Europe/Paris"). Of a name the server itself is asked. One thread.
class SessionZone {
 public:
  // What a clock in the zone shows at a moment ("YYYY-MM-DD hh:mm:ss"); empty: not known.
  using LocalTime = std::function<std::string(std::string_view zone, uint32_t moment)>;

  SessionZone(std::string_view name, LocalTime local_time);

  const std::string& name() const { return name_; }
  // "+08:00"; nullopt where it was not the same at all times since 1970.
  std::optional<std::string> FixedOffset() const;
  // The seconds since 1970 UTC when the zone's clock shows this. nullopt around a change of the
  // clock, where it may show a time twice or never.
  std::optional<int64_t> MomentOf(const ClockTime& clock) const;

 private:
  std::optional<int64_t> OffsetAt(int64_t moment) const;
  std::optional<int64_t> OffsetAtAll(const std::vector<int64_t>& moments) const;

  const std::string name_;
  const std::optional<int64_t> offset_;
  const LocalTime local_time_;
};

// Statements run in UTC at the destination. Puts the times in a change into UTC: defaults of
// TIMESTAMP columns, and UNIX_TIMESTAMP in the bounds of partitions becomes its number. Where it
// depends on the zone even so (a TIMESTAMP is made of other types or becomes one, a default is
// computed, a time could not be read), notes the zone in `change.time_zone`. `before` is the
// altered table before it, null where that is not known.
void SettleTimes(SchemaChange& change, const TableSchema* before, const SessionZone& zone);

}  // namespace godwit::mysql

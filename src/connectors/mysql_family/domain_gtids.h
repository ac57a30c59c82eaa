// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::mysql {

// One of MariaDB's global transaction ids.
struct DomainGtid {
  uint32_t domain = 0;
  uint32_t server = 0;
  uint64_t number = 0;

  // "0-1-42,0-2-43", as @@gtid_binlog_state. Throws GTID_INVALID.
  static std::vector<DomainGtid> ParseList(std::string_view text);
  std::string ToString() const;
  bool operator==(const DomainGtid&) const = default;
};

// A place among MariaDB's transactions: the one with the highest number of each replication domain.
// Value.
class DomainGtids {
 public:
  // "0-1-42,7-2-9", as @@gtid_slave_pos. A '!' behind one: lower numbers came after it, so that it
  // names no place. Throws GTID_INVALID.
  static DomainGtids Parse(std::string_view text);
  // Whether a text is of this form, and not of GtidSet's.
  static bool IsText(std::string_view text);

  // The next one of the log.
  void Add(const DomainGtid& gtid);
  // Those of the domains that this has not.
  void AddMissing(const DomainGtids& other);
  // Whether its number, or a higher one, came in its domain.
  bool HasPassed(const DomainGtid& gtid) const;
  bool Contains(const DomainGtids& other) const;
  // Whether a server with this @@gtid_binlog_state and this @@gtid_slave_pos has executed all this,
  // and can send what came after it.
  bool IsReachedBy(const std::vector<DomainGtid>& binlog_state,
                   const std::vector<DomainGtid>& slave_position) const;
  // Whether each one names a place.
  bool is_ordered() const;
  std::set<uint32_t> domains() const;
  std::string ToString() const;

 private:
  struct Last {
    DomainGtid gtid;
    bool is_ordered = true;
  };

  std::map<uint32_t, Last> last_;  // by domain
};

}  // namespace godwit::mysql

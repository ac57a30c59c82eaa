// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::mysql {

// A set of MySQL's global transaction ids: intervals of numbers per "uuid" or "uuid:tag". Value.
class GtidSet {
 public:
  // [begin, end)
  struct Interval {
    uint64_t begin = 0;
    uint64_t end = 0;
    bool operator==(const Interval&) const = default;
  };

  // The server's text ("uuid:1-5:7,uuid:tag:1"), blanks and line ends allowed. Throws GTID_INVALID.
  static GtidSet Parse(std::string_view text);
  // The form of PREVIOUS_GTIDS events. Throws CORRUPT_BYTES.
  static GtidSet Decode(std::string_view bytes);

  // Whether a server could have given out this number, this tag (empty: none).
  static bool IsNumber(uint64_t number);
  static bool IsTag(std::string_view tag);

  void Add(std::string_view source, uint64_t number);
  bool Contains(const GtidSet& other) const;
  bool Contains(std::string_view source, uint64_t number) const;
  bool empty() const { return sources_.empty(); }
  std::string ToString() const;
  // The form COM_BINLOG_DUMP_GTID takes.
  std::string Encode() const;

  bool operator==(const GtidSet&) const = default;

 private:
  void AddInterval(std::string_view source, Interval added);

  std::map<std::string, std::vector<Interval>, std::less<>> sources_;
};

// 16 bytes as "3E11FA47-71CA-11E1-9E33-C80AA9429562" in lower case.
std::string UuidText(std::string_view bytes);

}  // namespace godwit::mysql

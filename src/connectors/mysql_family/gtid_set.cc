// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/gtid_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit::mysql {
namespace {

constexpr size_t kUuidText = 36;

[[noreturn]] void Invalid(std::string_view text) {
  throw Error({.code = "GTID_INVALID",
               .kind = ErrorKind::kBug,
               .message = fmt::format("\"{}\" is no GTID set", text.substr(0, 200)),
               .cause = "the server wrote it in a form Godwit does not know",
               .remedy = "report it with the server's version"});
}

uint64_t Number(std::string_view digits, std::string_view whole) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || !GtidSet::IsNumber(value)) {
    Invalid(whole);
  }
  return value;
}

[[noreturn]] void Corrupt(std::string_view what) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .message = fmt::format("a GTID set has {}", what),
               .cause = "the bytes are damaged, or of a form this version does not know",
               .remedy = "check the server's log files with mysqlbinlog"});
}

std::string UuidBytes(std::string_view text) {
  std::string out;
  int high = -1;
  for (char c : text) {
    if (c == '-') continue;
    if (!std::isxdigit(static_cast<unsigned char>(c)) ||
        std::isupper(static_cast<unsigned char>(c))) {
      Invalid(text);
    }
    int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  if (out.size() != 16) Invalid(text);
  return out;
}

}  // namespace

std::string UuidText(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<uint8_t>(bytes[i]));
  }
  return out;
}

GtidSet GtidSet::Parse(std::string_view text) {
  std::string clean;
  for (char c : text) {
    if (!std::isspace(static_cast<unsigned char>(c)))
      clean.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  GtidSet set;
  std::string_view rest = clean;
  while (!rest.empty()) {
    std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty()) continue;
    if (part.size() <= kUuidText || part[kUuidText] != ':') Invalid(text);
    const std::string uuid = UuidText(UuidBytes(part.substr(0, kUuidText)));
    std::string source = uuid;
    part.remove_prefix(kUuidText + 1);
    while (!part.empty()) {
      std::string_view item = part.substr(0, part.find(':'));
      part.remove_prefix(std::min(part.size(), item.size() + 1));
      if (item.empty()) Invalid(text);
      if (!std::isdigit(static_cast<unsigned char>(item[0]))) {  // a tag holds for what follows it
        if (!IsTag(item)) Invalid(text);
        source = uuid + ":" + std::string(item);
        continue;
      }
      size_t dash = item.find('-');
      uint64_t first = Number(item.substr(0, dash), text);
      uint64_t last = dash == std::string_view::npos ? first : Number(item.substr(dash + 1), text);
      if (last >= first) set.AddInterval(source, {first, last + 1});
    }
  }
  return set;
}

// Two forms (Gtid_set::encode): the old begins with the number of uuids; the tagged has its format,
// 1, in the first and the last of the eight bytes, the number between them, and a tag per source.
GtidSet GtidSet::Decode(std::string_view bytes) {
  ByteReader in(bytes, "a GTID set");
  GtidSet set;
  uint64_t head = in.U64();
  const bool has_tags = head >> 56 == 1;
  uint64_t sources = has_tags ? (head << 8) >> 16 : head;
  for (uint64_t s = 0; s < sources; ++s) {
    std::string source = UuidText(in.Bytes(16));
    if (has_tags) {
      // The length of a tag is in the library's variable-length form: below 64 it is doubled.
      uint8_t size = in.U8() >> 1;
      const std::string_view tag = in.Bytes(size);
      if (!IsTag(tag)) Corrupt("an impossible tag");
      if (!tag.empty()) source.append(":").append(tag);
    }
    uint64_t intervals = in.U64();
    for (uint64_t i = 0; i < intervals; ++i) {
      uint64_t begin = in.U64();
      uint64_t end = in.U64();
      if (!IsNumber(begin) || begin >= end || !IsNumber(end - 1)) Corrupt("an impossible interval");
      set.AddInterval(source, {begin, end});
    }
  }
  return set;
}

bool GtidSet::IsNumber(uint64_t number) { return number != 0 && number >> 63 == 0; }

bool GtidSet::IsTag(std::string_view tag) {
  constexpr size_t kLongest = 32;
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz_0123456789";
  return tag.size() <= kLongest && tag.find_first_not_of(kCharacters) == std::string_view::npos &&
         (tag.empty() || tag[0] < '0' || tag[0] > '9');
}

void GtidSet::Add(std::string_view source, uint64_t number) {
  AddInterval(source, {number, number + 1});
}

void GtidSet::AddInterval(std::string_view source, Interval added) {
  auto found = sources_.find(source);
  if (found == sources_.end()) {
    sources_.emplace(std::string(source), std::vector<Interval>{added});
    return;
  }
  std::vector<Interval>& list = found->second;
  // Nearly always the next number of the last interval.
  if (added.begin == list.back().end) {
    list.back().end = added.end;
    return;
  }
  auto at = std::lower_bound(list.begin(), list.end(), added,
                             [](const Interval& a, const Interval& b) { return a.end < b.begin; });
  while (at != list.end() && at->begin <= added.end) {
    added.begin = std::min(added.begin, at->begin);
    added.end = std::max(added.end, at->end);
    at = list.erase(at);
  }
  list.insert(at, added);
}

bool GtidSet::Contains(const GtidSet& other) const {
  for (const auto& [source, intervals] : other.sources_) {
    auto mine = sources_.find(source);
    if (mine == sources_.end()) return false;
    for (const Interval& wanted : intervals) {
      bool is_covered = std::any_of(
          mine->second.begin(), mine->second.end(),
          [&](const Interval& i) { return i.begin <= wanted.begin && wanted.end <= i.end; });
      if (!is_covered) return false;
    }
  }
  return true;
}

bool GtidSet::Contains(std::string_view source, uint64_t number) const {
  auto mine = sources_.find(source);
  return mine != sources_.end() &&
         std::any_of(mine->second.begin(), mine->second.end(),
                     [&](const Interval& i) { return i.begin <= number && number < i.end; });
}

std::string GtidSet::ToString() const {
  std::string out;
  for (const auto& [source, intervals] : sources_) {
    if (!out.empty()) out.push_back(',');
    out += source;
    for (const Interval& i : intervals) {
      fmt::format_to(std::back_inserter(out), ":{}", i.begin);
      if (i.end > i.begin + 1) fmt::format_to(std::back_inserter(out), "-{}", i.end - 1);
    }
  }
  return out;
}

std::string GtidSet::Encode() const {
  const bool has_tags = std::any_of(sources_.begin(), sources_.end(),
                                    [](const auto& s) { return s.first.size() > kUuidText; });
  std::string out;
  uint64_t count = sources_.size();
  AppendFixed<uint64_t>(out, has_tags ? uint64_t{1} << 56 | count << 8 | 1 : count);
  for (const auto& [source, intervals] : sources_) {
    out += UuidBytes(std::string_view(source).substr(0, kUuidText));
    if (has_tags) {
      std::string tag = source.size() > kUuidText ? source.substr(kUuidText + 1) : "";
      out.push_back(static_cast<char>(tag.size() << 1));
      out += tag;
    }
    AppendFixed<uint64_t>(out, intervals.size());
    for (const Interval& i : intervals) {
      AppendFixed<uint64_t>(out, i.begin);
      AppendFixed<uint64_t>(out, i.end);
    }
  }
  return out;
}

}  // namespace godwit::mysql

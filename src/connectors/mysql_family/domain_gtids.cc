// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/domain_gtids.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/error.h"

namespace godwit::mysql {
namespace {

constexpr char kUnordered = '!';

[[noreturn]] void Invalid(std::string_view text) {
  throw Error({.code = "GTID_INVALID",
               .kind = ErrorKind::kBug,
               .message = fmt::format("\"{}\" is no GTID position", text.substr(0, 200)),
               .cause = "the server wrote it in a form Godwit does not know",
               .remedy = "report it with the server's version"});
}

// The number at the front, which is taken away together with the character behind it.
template <typename Integer>
Integer TakeNumber(std::string_view& text, char behind, std::string_view whole) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) Invalid(whole);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (behind != '\0') {
    if (text.empty() || text[0] != behind) Invalid(whole);
    text.remove_prefix(1);
  }
  return value;
}

std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    out.push_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), out.back().size() + 1));
  }
  return out;
}

DomainGtid ParseOne(std::string_view part) {
  const std::string_view whole = part;
  DomainGtid gtid;
  gtid.domain = TakeNumber<uint32_t>(part, '-', whole);
  gtid.server = TakeNumber<uint32_t>(part, '-', whole);
  gtid.number = TakeNumber<uint64_t>(part, '\0', whole);
  if (!part.empty()) Invalid(whole);
  return gtid;
}

}  // namespace

std::vector<DomainGtid> DomainGtid::ParseList(std::string_view text) {
  std::vector<DomainGtid> out;
  for (std::string_view part : Parts(text)) out.push_back(ParseOne(part));
  return out;
}

std::string DomainGtid::ToString() const { return fmt::format("{}-{}-{}", domain, server, number); }

DomainGtids DomainGtids::Parse(std::string_view text) {
  DomainGtids out;
  for (std::string_view part : Parts(text)) {
    const bool is_ordered = part.empty() || part.back() != kUnordered;
    if (!is_ordered) part.remove_suffix(1);
    const DomainGtid gtid = ParseOne(part);
    out.last_[gtid.domain] = {gtid, is_ordered};
  }
  return out;
}

bool DomainGtids::IsText(std::string_view text) { return text.find(':') == std::string_view::npos; }

// A replay of mysqlbinlog's output may give old numbers once more, and so may several primaries of
// one domain.
void DomainGtids::Add(const DomainGtid& gtid) {
  const auto [found, is_new] = last_.try_emplace(gtid.domain, Last{gtid});
  if (is_new) return;
  Last& last = found->second;
  if (gtid.number > last.gtid.number) {
    last = {gtid};
  } else {
    last.is_ordered = false;
  }
}

void DomainGtids::AddMissing(const DomainGtids& other) {
  last_.insert(other.last_.begin(), other.last_.end());
}

bool DomainGtids::HasPassed(const DomainGtid& gtid) const {
  const auto last = last_.find(gtid.domain);
  return last != last_.end() && last->second.gtid.number >= gtid.number;
}

bool DomainGtids::Contains(const DomainGtids& other) const {
  return std::all_of(other.last_.begin(), other.last_.end(), [&](const auto& entry) {
    const auto mine = last_.find(entry.first);
    if (mine == last_.end()) return false;
    const DomainGtid& wanted = entry.second.gtid;
    return mine->second.gtid.number > wanted.number || mine->second.gtid == wanted;
  });
}

// The log has it, or goes on behind it: with what a replica without log_slave_updates had applied.
bool DomainGtids::IsReachedBy(const std::vector<DomainGtid>& binlog_state,
                              const std::vector<DomainGtid>& slave_position) const {
  return std::all_of(last_.begin(), last_.end(), [&](const auto& entry) {
    const DomainGtid& wanted = entry.second.gtid;
    return std::any_of(binlog_state.begin(), binlog_state.end(),
                       [&](const DomainGtid& logged) {
                         return logged.domain == wanted.domain && logged.server == wanted.server &&
                                logged.number >= wanted.number;
                       }) ||
           std::find(slave_position.begin(), slave_position.end(), wanted) != slave_position.end();
  });
}

bool DomainGtids::is_ordered() const {
  return std::all_of(last_.begin(), last_.end(),
                     [](const auto& entry) { return entry.second.is_ordered; });
}

std::set<uint32_t> DomainGtids::domains() const {
  std::set<uint32_t> out;
  for (const auto& [domain, last] : last_) out.insert(domain);
  return out;
}

std::string DomainGtids::ToString() const {
  std::string out;
  for (const auto& [domain, last] : last_) {
    if (!out.empty()) out.push_back(',');
    out += last.gtid.ToString();
    if (!last.is_ordered) out.push_back(kUnordered);
  }
  return out;
}

}  // namespace godwit::mysql

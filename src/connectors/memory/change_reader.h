// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>

#include "connectors/memory/connection.h"
#include "endpoint/change_reader.h"

namespace godwit::memory {

// A Position is a place in the server's log, eight bytes big endian: it lies before the entry of
// that number and behind all earlier ones.
Position MakePosition(uint64_t place);
uint64_t PlaceOf(const Position& position);

class MemoryChangeReader : public ChangeReader {
 public:
  explicit MemoryChangeReader(std::shared_ptr<MemoryServer> server)
      : connection_(std::move(server)) {}

  using ChangeReader::ProveStart;
  Position ProveStart(const Mark& mark, std::stop_token stop) override;
  Position Current() override;
  int Compare(const Position& a, const Position& b) override;
  std::string Describe(const Position& position) override;
  using ChangeReader::Start;
  void Start(const Position& from, const Position& known, SchemaHistory& history) override;
  std::optional<Fragment> Next(Deadline deadline, std::stop_token stop) override;
  void Release(const Position& position) override;
  uint64_t bytes_read() const override { return bytes_read_.load(); }

 private:
  // nullopt: the entry is of no use to this reader.
  std::optional<Fragment> ToFragment(const LogEntry& entry);
  bool AddRows(Fragment& fragment, const LogEntry& entry);
  std::optional<Fragment> Heartbeat();

  Connection connection_;
  SchemaHistory* history_ = nullptr;
  uint64_t next_ = 0;                        // place to read next
  std::optional<uint64_t> told_;             // last place told by a commit or heartbeat
  std::map<TransactionId, uint64_t> begun_;  // since Start and not ended: place of the begin
  std::atomic<uint64_t> bytes_read_{0};
};

}  // namespace godwit::memory

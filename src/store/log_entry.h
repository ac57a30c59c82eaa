// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/store.h"

namespace godwit {

// 1: without has_partial_images and first_schema_version. 2: without changes.
inline constexpr uint8_t kLogEntryVersion = 3;

// A logged transaction as stored: where its parts are, and what finding and releasing need.
struct LogEntry {
  uint8_t version = kLogEntryVersion;
  LoggedTransaction info;  // the sequence is the key
  uint64_t spool = 0;
  // Every spool below this one had ended before this commit.
  uint64_t oldest_open_spool = 0;
  // The highest source time up to here; source clocks go back now and then.
  int64_t highest_time_us = 0;
};

std::string EncodeLogEntry(const LogEntry& entry);
// Throws CORRUPT_BYTES.
LogEntry DecodeLogEntry(Sequence sequence, std::string_view bytes);

std::string EncodePlace(const Position& position, const Position& restart);
void DecodePlace(std::string_view bytes, Position& position, Position& restart);

std::string EncodeSchemaVersion(const SchemaVersion& schema);
SchemaVersion DecodeSchemaVersion(uint64_t version, std::string_view bytes);

// The first byte of a stored part.
enum class PartKind : uint8_t {
  kRows,
  kDdl,
  kLargeRows,  // the frame; the pieces are the parts behind it
  kPiece,
};
inline constexpr size_t kPieceBytes = 512 << 10;

// Keys sort as their numbers do.
std::string Key(uint64_t number);
std::string PartKey(uint64_t spool, uint64_t part);
uint64_t NumberOfKey(std::string_view key);

}  // namespace godwit

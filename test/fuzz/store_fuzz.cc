// SPDX-License-Identifier: Apache-2.0
// Records of the Store as read back from its files. The first byte chooses the kind. Any bytes are
// refused with CORRUPT_BYTES or decoded to a value whose own encoding decodes to the same again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/log_entry.h"

namespace {

using namespace godwit;

template <typename Encoder, typename Decoder>
void Check(std::string_view bytes, Encoder encode, Decoder decode) {
  const std::string once = encode(decode(bytes));
  if (encode(decode(once)) != once) std::abort();
}

struct Place {
  Position position;
  Position restart;
};

// Older entries are read too; the newest form is written.
std::string Encode(const LogEntry& read) {
  LogEntry entry;
  entry.info = read.info;
  entry.spool = read.spool;
  entry.oldest_open_spool = read.oldest_open_spool;
  entry.highest_time_us = read.highest_time_us;
  return EncodeLogEntry(entry);
}

Place DecodePlaces(std::string_view bytes) {
  Place place;
  DecodePlace(bytes, place.position, place.restart);
  return place;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        Check(bytes, Encode, [](std::string_view b) { return DecodeLogEntry(1, b); });
        break;
      case 1:
        Check(
            bytes, [](const Place& p) { return EncodePlace(p.position, p.restart); }, DecodePlaces);
        break;
      case 2:
        Check(bytes, EncodeSchemaVersion,
              [](std::string_view b) { return DecodeSchemaVersion(1, b); });
        break;
      default:
        if (bytes.size() == 8 && Key(NumberOfKey(bytes)) != bytes) std::abort();
        NumberOfKey(bytes);
    }
  } catch (const Error& error) {
    if (error.code() != "CORRUPT_BYTES") std::abort();
  }
  return 0;
}

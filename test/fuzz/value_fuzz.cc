// SPDX-License-Identifier: Apache-2.0
// Single values of the binary log, reached here without an event around them. The first byte
// chooses: a binary JSON document, differences of one (a length, the document, the differences), a
// GTID set in either form.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "base/error.h"
#include "connectors/mysql_family/gtid_set.h"
#include "connectors/mysql_family/json_binary.h"

namespace {

using namespace godwit;

// Text stays in proportion to its document: damage must not make one name its parts many times.
void CheckText(const std::string& text, size_t binary) {
  if (text.size() > 64 * (binary + 16)) std::abort();
}

void CheckJson(std::string_view binary) {
  std::string text;
  mysql::AppendJsonText(text, binary);
  CheckText(text, binary.size());
}

void CheckDifferences(std::string_view bytes) {
  ByteReader in(bytes, "input");
  const std::string_view before = in.Bytes(in.U8());
  std::string text;
  mysql::AppendPatchedJsonText(text, before, in.Rest());
  CheckText(text, bytes.size());
}

void CheckGtids(const mysql::GtidSet& set) {
  if (mysql::GtidSet::Parse(set.ToString()) != set) std::abort();
  if (mysql::GtidSet::Decode(set.Encode()) != set) std::abort();
  if (!set.Contains(set)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        CheckJson(bytes);
        break;
      case 1:
        CheckDifferences(bytes);
        break;
      case 2:
        CheckGtids(mysql::GtidSet::Parse(bytes));
        break;
      default:
        CheckGtids(mysql::GtidSet::Decode(bytes));
    }
  } catch (const Error&) {
  }
  return 0;
}

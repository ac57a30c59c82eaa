// SPDX-License-Identifier: Apache-2.0
// The decoder of binary log events on any bytes: errors, but no crash, no reading beyond them and
// no memory that they do not stand for. The first byte names the server; then come events one after
// another as in a file, without its magic; checksums are off. The tables are those of test/golden.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "connectors/mysql_family/binlog_decoder.h"
#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/ddl_parser.h"
#include "model/change_codec.h"
#include "test/golden/binlog_file.h"
#include "test/golden/fragment_text.h"

namespace {

using namespace godwit;

struct Server {
  Server(mysql::Flavor flavor, int version, const std::string& name)
      : traits(mysql::DialectTraits::For(flavor, version)), history(traits) {
    history.Define(golden::ReadFile(std::string(GODWIT_GOLDEN_FOLDER) + "/" + name + ".sql"),
                   "golden");
  }
  mysql::DialectTraits traits;
  golden::WrittenHistory history;
};

const Server& ServerOf(uint8_t choice) {
  static const Server kServers[] = {{mysql::Flavor::kMySql, 90704, "mysql97"},
                                    {mysql::Flavor::kMySql, 50624, "mysql56"},
                                    {mysql::Flavor::kMariaDb, 101119, "mariadb"}};
  return kServers[choice % 3];
}

// What was decoded can be stored and read back, and its position too.
void Use(const Fragment& fragment) {
  if (fragment.kind == Fragment::Kind::kRows) {
    std::string bytes;
    AppendEncoded(bytes, fragment.rows);
    const RowsChange again = DecodeRowsChange(bytes);
    if (again.before != fragment.rows.before || again.after != fragment.rows.after) std::abort();
    if (again.after.columns() != fragment.rows.table->columns.size()) std::abort();
  }
  if (!fragment.position.empty()) mysql::BinlogPosition::Decode(fragment.position);
  if (!fragment.restart.empty()) mysql::BinlogPosition::Decode(fragment.restart);
}

void Decode(mysql::BinlogDecoder& decoder, golden::WrittenHistory& history,
            std::string_view bytes) {
  while (bytes.size() >= mysql::kEventHeaderSize) {
    const uint32_t size = ByteReader(bytes.substr(9), "an event").U32();
    const std::string event(bytes.substr(0, size));
    decoder.Feed(event);
    while (auto fragment = decoder.Pop()) {
      if (fragment->kind == Fragment::Kind::kDdl) history.Apply(*fragment->ddl);
      Use(*fragment);
    }
    bytes.remove_prefix(event.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Server& server = ServerOf(data[0]);
  golden::WrittenHistory history = server.history;
  mysql::BinlogDecoder decoder({.traits = server.traits,
                                .collations = {{8, {"latin1_swedish_ci", "latin1"}},
                                               {28, {"gbk_chinese_ci", "gbk"}},
                                               {45, {"utf8mb4_general_ci", "utf8mb4"}}},
                                .object = "fuzz"},
                               {"", "f.000001", 4, ""}, history);
  try {
    Decode(decoder, history, {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kBug) std::abort();
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/hex.h"
#include "pipeline/copy_job.h"

namespace godwit {
namespace {

constexpr std::string_view kSettingPrefix = "copy.";

}  // namespace

std::string CopyBounds::SettingKey(const TableName& table) {
  return std::string(kSettingPrefix) + table.ToString();
}

std::map<TableName, CopyBounds> CopyBounds::All(Metadata& metadata, int64_t project) {
  std::map<TableName, CopyBounds> all;
  for (const auto& [key, text] : metadata.Settings(project, std::string(kSettingPrefix))) {
    all[TableName::FromText(key.substr(kSettingPrefix.size()))] = FromText(text);
  }
  return all;
}

std::string CopyBounds::ToText() const {
  std::string bytes;
  AppendVarint(bytes, generation);
  AppendLengthPrefixed(bytes, start_position.bytes);
  AppendLengthPrefixed(bytes, exit_position.bytes);
  for (const auto& sequence : {start, exit}) {
    AppendVarint(bytes, sequence.has_value());
    AppendVarint(bytes, sequence.value_or(0));
  }
  AppendVarint(bytes, rows);
  AppendVarint(bytes, corrected);
  return ToHex(bytes);
}

CopyBounds CopyBounds::FromText(const std::string& text) {
  const std::string bytes = FromHex(text);
  ByteReader in(bytes, "copy bounds");
  CopyBounds bounds;
  bounds.generation = in.Varint();
  bounds.start_position.bytes = in.LengthPrefixed();
  bounds.exit_position.bytes = in.LengthPrefixed();
  for (auto* sequence : {&bounds.start, &bounds.exit}) {
    bool is_set = in.Varint() != 0;
    Sequence value = in.Varint();
    if (is_set) *sequence = value;
  }
  bounds.rows = in.Varint();
  if (in.remaining() > 0) bounds.corrected = in.Varint();
  return bounds;
}

}  // namespace godwit

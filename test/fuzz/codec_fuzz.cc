// SPDX-License-Identifier: Apache-2.0
// The first byte chooses a decoder. Any bytes are refused with CORRUPT_BYTES or decoded to a value
// whose own encoding decodes to the same encoding again.
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "endpoint/sink.h"
#include "model/change_codec.h"
#include "model/json_normal_form.h"

namespace {

using namespace godwit;

std::string Encode(const RowBatch& batch) {
  std::string out;
  batch.AppendEncoded(out);
  return out;
}
template <typename Change>
std::string EncodeChange(const Change& change) {
  std::string out;
  AppendEncoded(out, change);
  return out;
}

std::string EncodeFrame(const RowsChange& change) {
  std::string out;
  AppendFrame(out, change);
  return out;
}
RowsChange DecodeFrame(std::string_view frame) {
  FramedChange framed(frame, 1 << 16);
  framed.Append(std::string(framed.lacking(), 'x'));
  return framed.Take();
}

template <typename Encoder, typename Decoder>
void Check(std::string_view bytes, Encoder encode, Decoder decode) {
  const std::string once = encode(decode(bytes));
  if (encode(decode(once)) != once) std::abort();
}

void CheckJson(std::string_view text) {
  const auto once = JsonNormalForm(text);
  if (once && JsonNormalForm(*once) != once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 7) {
      case 0:
        Check(bytes, Encode, RowBatch::Decode);
        break;
      case 1:
        Check(bytes, EncodeChange<RowsChange>, DecodeRowsChange);
        break;
      case 2:
        Check(bytes, EncodeChange<SchemaChange>, DecodeSchemaChange);
        break;
      case 3:
        Check(bytes, EncodeTableSchema, DecodeTableSchema);
        break;
      case 4:
        Check(bytes, [](const LaneProgress& p) { return p.Encode(); }, LaneProgress::Decode);
        break;
      case 5:
        CheckJson(bytes);
        break;
      default:
        Check(bytes, EncodeFrame, DecodeFrame);
    }
  } catch (const Error& error) {
    if (error.code() != "CORRUPT_BYTES") std::abort();
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "model/row_batch.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit {
namespace {

[[noreturn]] void FailDecode(const char* problem) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .message = std::string("rows: ") + problem,
               .cause = "the bytes are damaged, cut, or of a format this version does not know",
               .remedy = "check the state directory's disk"});
}

}  // namespace

void RowBatch::AppendEncoded(std::string& out) const {
  out.reserve(out.size() + data_.size() + ends_.size() * 2 + 24);
  AppendFrame(out);
  out.append(data_);
}

void RowBatch::AppendFrame(std::string& out) const {
  GODWIT_CHECK(columns_ == 0 ? ends_.empty() : ends_.size() % columns_ == 0,
               "a batch is stored with whole rows");
  AppendVarint(out, columns_);
  AppendVarint(out, rows());
  uint64_t begin = 0;
  for (uint64_t end : ends_) {
    AppendVarint(out, ((end >> 2) - begin) << 2 | (end & 3));
    begin = end >> 2;
  }
}

RowBatch RowBatch::Decode(std::string_view bytes) {
  ByteReader in(bytes, "rows");
  RowBatch batch = DecodeFrame(in, bytes.size());
  if (in.remaining() != batch.framed_bytes()) FailDecode("the cells do not fill the bytes");
  batch.data_.assign(in.Rest());
  return batch;
}

RowBatch RowBatch::DecodeFrame(ByteReader& in, uint64_t most) {
  RowBatch batch(in.Varint());
  const uint64_t rows = in.Varint();
  // Every cell has at least one byte here, so the counts cannot ask for more memory than a few
  // times what was given.
  if (batch.columns_ == 0 ? rows != 0 : rows > in.remaining() / batch.columns_) {
    FailDecode("more cells than bytes");
  }
  const size_t cells = rows * batch.columns_;
  batch.ends_.reserve(cells);
  uint64_t end = 0;
  for (size_t i = 0; i < cells; ++i) {
    const uint64_t cell = in.Varint();
    const uint64_t state = cell & 3;
    if (state > 2 || (state != 0 && cell >> 2 != 0)) FailDecode("a cell's state is none");
    if (cell >> 2 > most) FailDecode("a cell is longer than the bytes");
    end += cell >> 2;
    if (end > most) FailDecode("the cells are longer than the bytes");
    batch.ends_.push_back(end << 2 | state);
  }
  return batch;
}

}  // namespace godwit

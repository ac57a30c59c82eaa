// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_payload.h"

#include <fmt/format.h>
#include <zstd.h>

#include "base/byte_reader.h"
#include "base/error.h"
#include "connectors/mysql_family/binlog_event.h"

namespace godwit::mysql {
namespace {

constexpr uint32_t kLargestEvent = 1u << 30;  // the largest packet of any server

[[noreturn]] void Damaged(std::string_view what) {
  throw Error({.code = "EVENT_DAMAGED",
               .kind = ErrorKind::kTransient,
               .side = Side::kSource,
               .message = fmt::format("a compressed transaction of the binary log {}", what),
               .cause = "it was damaged on its way, or in the file",
               .remedy = "it is read again; if it stays, check the file with mysqlbinlog "
                         "--verify-binlog-checksum"});
}

}  // namespace

// Fields of type, length and value: 1 the payload's size, 2 the algorithm, 3 the size it expands
// to; 0 ends them, the payload follows.
PayloadReader::PayloadReader(std::string_view body) {
  constexpr uint64_t kZstd = 0;
  constexpr uint64_t kNone = 255;
  ByteReader in(body, "a compressed transaction");
  uint64_t algorithm = kZstd;
  for (;;) {
    uint64_t type = ReadPacked(in);
    if (type == 0) break;
    ByteReader value(in.Bytes(ReadPacked(in)), "a compressed transaction");
    if (type == 2) algorithm = ReadPacked(value);
  }
  packed_ = in.Rest();
  if (algorithm == kNone) return;
  if (algorithm != kZstd) Damaged("is compressed in an unknown way");
  context_ = ZSTD_createDCtx();
  GODWIT_CHECK(context_ != nullptr, "there is memory to decompress");
  ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27);
}

PayloadReader::~PayloadReader() { ZSTD_freeDCtx(context_); }

size_t PayloadReader::Read(std::string& out, size_t size) {
  if (context_ == nullptr) {
    size_t n = std::min(size, packed_.size() - at_);
    out.append(packed_.substr(at_, n));
    at_ += n;
    return n;
  }
  size_t done = 0;
  // Grown step by step: a damaged size must not ask for memory that no bytes stand for.
  constexpr size_t kStep = 1 << 20;
  while (done < size) {
    size_t step = std::min(size - done, kStep);
    size_t from = out.size();
    out.resize(from + step);
    ZSTD_outBuffer to{out.data() + from, step, 0};
    ZSTD_inBuffer in{packed_.data(), packed_.size(), at_};
    size_t result = ZSTD_decompressStream(context_, &to, &in);
    if (ZSTD_isError(result) != 0) Damaged("cannot be decompressed");
    bool is_stuck = to.pos == 0 && in.pos == at_;
    at_ = in.pos;
    out.resize(from + to.pos);
    done += to.pos;
    if (is_stuck) break;
  }
  return done;
}

bool PayloadReader::Next(std::string& event) {
  event.clear();
  size_t head = Read(event, kEventHeaderSize);
  if (head == 0) return false;
  if (head != kEventHeaderSize) Damaged("breaks off");
  uint32_t size = ByteReader(std::string_view(event).substr(9), "an event").U32();
  if (size < kEventHeaderSize || size > kLargestEvent) Damaged("holds an impossible event");
  if (Read(event, size - kEventHeaderSize) != size - kEventHeaderSize) Damaged("breaks off");
  return true;
}

}  // namespace godwit::mysql

// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <limits>

#include "base/error.h"
#include "endpoint/sink.h"

namespace godwit {
namespace {

// What a lane row can hold is far less; damage must not ask for more memory than this.
constexpr uint64_t kMostNumbers = 1 << 20;

[[noreturn]] void FailProgress(std::string_view problem) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .message = "the progress in a lane row: " + std::string(problem),
               .cause = "the row in Godwit's lane table was changed by something else, or written "
                        "by a newer version",
               .remedy = "restore the row, or release the project and start it anew"});
}

// "9-12,15": rising numbers, runs of two or more joined.
void AppendRanges(std::string& out, const std::vector<uint64_t>& numbers) {
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (i != 0) out += ',';
    out += std::to_string(numbers[i]);
    if (end - i > 1) out += '-' + std::to_string(numbers[end - 1]);
    i = end;
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  bool Accept(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  void Expect(std::string_view word) {
    if (!Accept(word)) FailProgress("'" + std::string(word) + "' expected");
  }
  uint64_t Number() {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) FailProgress("a number expected");
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return value;
  }
  uint32_t Number32() {
    const uint64_t value = Number();
    if (value > std::numeric_limits<uint32_t>::max()) FailProgress("a number is too large");
    return static_cast<uint32_t>(value);
  }
  std::vector<uint64_t> Ranges() {
    std::vector<uint64_t> numbers;
    do {
      const uint64_t first = Number();
      const uint64_t last = Accept("-") ? Number() : first;
      if (last < first || (!numbers.empty() && first <= numbers.back())) {
        FailProgress("the numbers do not rise");
      }
      if (last - first >= kMostNumbers - numbers.size()) FailProgress("too many numbers");
      for (uint64_t n = first; n < last; ++n) numbers.push_back(n);
      numbers.push_back(last);
    } while (Accept(","));
    return numbers;
  }

 private:
  std::string_view text_;
};

AppliedShare ReadShare(Reader& in) {
  AppliedShare share;
  share.first = in.Number();
  in.Expect("-");
  share.last = in.Number();
  in.Expect("/");
  share.shares = in.Number32();
  in.Expect(":");
  share.share = in.Number32();
  in.Expect("#");
  share.cut = in.Number();
  if (share.last < share.first || share.share >= share.shares) {
    FailProgress("a share is none of its window's");
  }
  return share;
}

}  // namespace

std::string LaneProgress::Encode() const {
  std::string out = "low=" + std::to_string(low);
  if (!done.empty()) {
    out += ";done=";
    AppendRanges(out, done);
  }
  if (!shares.empty()) {
    out += ";shares=";
    for (size_t i = 0; i < shares.size(); ++i) {
      const AppliedShare& share = shares[i];
      if (i != 0) out += ',';
      out += std::to_string(share.first) + '-' + std::to_string(share.last) + '/' +
             std::to_string(share.shares) + ':' + std::to_string(share.share) + '#' +
             std::to_string(share.cut);
    }
  }
  if (!chunks.empty()) {
    out += ";chunks=";
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i != 0) out += ',';
      out += std::to_string(chunks[i]);
    }
  }
  return out;
}

LaneProgress LaneProgress::Decode(std::string_view text) {
  LaneProgress progress;
  if (text.empty()) return progress;  // a lane row as it was created
  Reader in(text);
  in.Expect("low=");
  progress.low = in.Number();
  if (in.Accept(";done=")) progress.done = in.Ranges();
  if (in.Accept(";shares=")) {
    do {
      progress.shares.push_back(ReadShare(in));
    } while (in.Accept(","));
  }
  if (in.Accept(";chunks=")) {
    do {
      progress.chunks.push_back(in.Number());
    } while (in.Accept(","));
  }
  if (!in.at_end()) FailProgress("something follows that is not understood");
  return progress;
}

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
// Replays a fuzzer's corpus: every file whole, cut off, and with single bytes changed. A target
// ends the process by what it finds; the name of the running test then says which file it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(GODWIT_CORPUS)) {
    files.push_back(entry.path().filename());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string TestName(std::string file) {
  for (char& c : file) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return file;
}

void Feed(const std::string& bytes) {
  // Memory of its own, so that a read beyond the end is one.
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

class Corpus : public ::testing::TestWithParam<std::string> {
 protected:
  std::string Read() {
    std::ifstream file(std::string(GODWIT_CORPUS) + "/" + GetParam(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_P(Corpus, IsSurvived) {
  const std::string bytes = Read();
  Feed(bytes);
  constexpr size_t kPlaces = 40;
  const size_t step = std::max<size_t>(1, bytes.size() / kPlaces);
  for (size_t at = 0; at < bytes.size(); at += step) {
    Feed(bytes.substr(0, at));
    for (char c : {'\0', '\x7f', '\xff'}) {
      std::string damaged = bytes;
      damaged[at] = c;
      Feed(damaged);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Corpus, ::testing::ValuesIn(Files()),
                         [](const auto& file) { return TestName(file.param); });

}  // namespace

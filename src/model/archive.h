// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit {

// Two walks over the same list of fields. A type says once, in a function
// `Fields(archive, value)`, what it consists of; ArchiveWriter appends it, ArchiveReader reads it
// back, so the two cannot drift apart. Numbers are varints, texts length-prefixed, vectors
// counted, optionals led by 0 or 1, enums checked against `LastOf(enum)` when read.
template <typename T, typename Plain>
concept Is = std::same_as<std::remove_cvref_t<T>, Plain>;

[[noreturn]] inline void FailArchive(std::string_view what, std::string_view problem) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .message = std::string(what) + ": " + std::string(problem),
               .cause = "the bytes are damaged, cut, or of a format this version does not know",
               .remedy = "check the state directory's disk"});
}

class ArchiveWriter {
 public:
  explicit ArchiveWriter(std::string& out) : out_(out) {}

  template <typename... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }

 private:
  template <typename T>
  void Put(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      AppendVarint(out_, static_cast<uint64_t>(value));
    } else {
      Fields(*this, value);
    }
  }
  void Put(const std::string& value) { AppendLengthPrefixed(out_, value); }
  template <typename T>
  void Put(const std::vector<T>& values) {
    AppendVarint(out_, values.size());
    for (const T& value : values) Put(value);
  }
  template <typename T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <typename A, typename B>
  void Put(const std::pair<A, B>& value) {
    Put(value.first);
    Put(value.second);
  }

  std::string& out_;
};

class ArchiveReader {
 public:
  // `what` names the thing in errors and outlives the reader, as do the bytes.
  ArchiveReader(std::string_view bytes, std::string_view what) : in_(bytes, what), what_(what) {}

  template <typename... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }
  void ExpectEnd() const {
    if (!in_.empty()) FailArchive(what_, "bytes are left over");
  }

 private:
  // Lists nest a few levels in what is written; more is damage and must not exhaust the stack.
  static constexpr int kMaxDepth = 16;

  template <typename T>
  void Get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      const uint64_t number = in_.Varint();
      if (number > static_cast<uint64_t>(LastOf(T{}))) FailArchive(what_, "a choice is unknown");
      value = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, bool>) {
      const uint64_t number = in_.Varint();
      if (number > 1) FailArchive(what_, "a truth value is neither 0 nor 1");
      value = number == 1;
    } else if constexpr (std::is_integral_v<T>) {
      const uint64_t number = in_.Varint();
      value = static_cast<T>(number);
      if (static_cast<uint64_t>(value) != number) FailArchive(what_, "a number is too large");
    } else {
      Fields(*this, value);
    }
  }
  void Get(std::string& value) { value.assign(in_.LengthPrefixed()); }
  template <typename T>
  void Get(std::vector<T>& values) {
    const uint64_t count = in_.Varint();
    if (count > in_.remaining()) FailArchive(what_, "a list is longer than the bytes");
    if (++depth_ > kMaxDepth) FailArchive(what_, "lists are nested too deeply");
    values.clear();
    for (uint64_t i = 0; i < count; ++i) Get(values.emplace_back());
    --depth_;
  }
  template <typename T>
  void Get(std::optional<T>& value) {
    bool has_value = false;
    Get(has_value);
    value.reset();
    if (has_value) Get(value.emplace(T{}));
  }
  template <typename A, typename B>
  void Get(std::pair<A, B>& value) {
    Get(value.first);
    Get(value.second);
  }

  ByteReader in_;
  std::string_view what_;
  int depth_ = 0;
};

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace godwit {

// Decides what happens next: kTransient is retried with back-off, kBlocked waits for the user,
// kData means one row or statement cannot go, kBug is a broken assumption of ours.
enum class ErrorKind { kTransient, kBlocked, kData, kBug };

enum class Side { kNone, kSource, kDestination };

std::string_view ToString(ErrorKind kind);
std::string_view ToString(Side side);

// What the user is told about a failure. `code` is stable and listed in the error reference, e.g.
// "MYSQL_ACCESS_DENIED"; `native` is the server's own number (0 if none).
struct ErrorFields {
  std::string code;
  ErrorKind kind = ErrorKind::kBug;
  Side side = Side::kNone;
  std::string object;  // "db.table", a URL without its password, a file; empty if none
  int native = 0;
  std::string message;
  std::string cause;
  std::string remedy;
};

// The one exception of the product: thrown when an attempt cannot go on. Classified once, where
// the native code is at hand; nothing above matches texts.
class Error : public std::exception {
 public:
  explicit Error(ErrorFields fields);

  const ErrorFields& fields() const { return fields_; }
  const std::string& code() const { return fields_.code; }
  ErrorKind kind() const { return fields_.kind; }
  const char* what() const noexcept override { return what_.c_str(); }

  // The same error seen from further out: "<context>: <message>".
  Error WithContext(std::string_view context) const;
  // Fills in side and object where the thrower could not know them.
  Error At(Side side, std::string_view object) const;

 private:
  ErrorFields fields_;
  std::string what_;
};

// Thrown where a stop was asked for; it is not a failure and carries nothing.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped"; }
};

[[noreturn]] void FailCheck(const char* file, int line, const char* expression,
                            std::string_view sentence);

}  // namespace godwit

// An invariant that holds in every build. `sentence` says what was assumed.
#define GODWIT_CHECK(condition, sentence)                            \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::godwit::FailCheck(__FILE__, __LINE__, #condition, sentence); \
  } while (false)

// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <fmt/format.h>

#include <utility>

namespace godwit {
namespace {

std::string Compose(const ErrorFields& f) {
  std::string text = f.code + ": " + f.message;
  if (f.native != 0) text += fmt::format(" ({})", f.native);
  if (f.side != Side::kNone) text += fmt::format(" [{}]", ToString(f.side));
  if (!f.object.empty()) text += fmt::format(" [{}]", f.object);
  if (!f.cause.empty()) text += "; cause: " + f.cause;
  if (!f.remedy.empty()) text += "; remedy: " + f.remedy;
  return text;
}

}  // namespace

std::string_view ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kBlocked:
      return "blocked";
    case ErrorKind::kData:
      return "data";
    case ErrorKind::kBug:
      return "bug";
  }
  return "bug";
}

std::string_view ToString(Side side) {
  switch (side) {
    case Side::kNone:
      return "";
    case Side::kSource:
      return "source";
    case Side::kDestination:
      return "destination";
  }
  return "";
}

Error::Error(ErrorFields fields) : fields_(std::move(fields)), what_(Compose(fields_)) {}

Error Error::WithContext(std::string_view context) const {
  ErrorFields f = fields_;
  f.message = fmt::format("{}: {}", context, f.message);
  return Error(std::move(f));
}

Error Error::At(Side side, std::string_view object) const {
  ErrorFields f = fields_;
  if (f.side == Side::kNone) f.side = side;
  if (f.object.empty()) f.object = object;
  return Error(std::move(f));
}

void FailCheck(const char* file, int line, const char* expression, std::string_view sentence) {
  throw Error({.code = "BUG",
               .kind = ErrorKind::kBug,
               .message = fmt::format("{} ({} at {}:{})", sentence, expression, file, line),
               .cause = "an assumption inside Godwit does not hold",
               .remedy = "report it with the log; the project can be resumed"});
}

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "endpoint/dialect.h"
#include "metadata/metadata.h"

namespace godwit {

// An Error's fields as the journal, the findings and --json carry them.
nlohmann::json ToJson(const ErrorFields& fields);
ErrorFields ErrorFromJson(const nlohmann::json& json);
nlohmann::json ToJson(const std::vector<Statement>& statements);
std::vector<Statement> StatementsFromJson(const nlohmann::json& json);

// What precheck has found is to be made of each object, until the schema stage makes it. An
// object's entry in the journal of "schema" with `planned` in its detail is an answer that was
// given for it.
inline constexpr std::string_view kPlanJournal = "plan";

// The entries of one stage of one project, by object. A thin view on Metadata; as thread-safe.
class StageJournal {
 public:
  StageJournal(Metadata& metadata, int64_t project, std::string stage)
      : metadata_(metadata), project_(project), stage_(std::move(stage)) {}

  std::string Status(const std::string& object) const;  // "" if there is no entry
  bool IsDone(const std::string& object) const;         // done or skipped
  nlohmann::json Detail(const std::string& object) const;
  void Put(const std::string& object, std::string_view status, const nlohmann::json& detail);
  void PutError(const std::string& object, const Error& error, nlohmann::json detail);

 private:
  Metadata& metadata_;
  int64_t project_;
  std::string stage_;
};

}  // namespace godwit

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/object_rules.h"

namespace godwit {

// The migration types a user chooses; the runner turns them into stages.
enum class MigrationType { kSchema, kFull, kIncremental, kVerification };

// Limits on what a project may take from its servers; 0: no limit.
struct Limits {
  int readers = 4;               // connections that copy
  int lanes = 4;                 // connections that replay
  uint64_t rows_per_second = 0;  // read from the source
  uint64_t bytes_per_second = 0;
  uint64_t chunk_bytes = 8 << 20;
  uint64_t history_length = 0;       // old row versions at the source: chunks wait above it
  uint64_t replica_lag_seconds = 0;  // of `replicas`: chunks wait above it
  uint64_t snapshot_seconds = 0;     // how long one snapshot may be held at the source
  uint64_t heartbeat_seconds = 10;   // between two writes of the heartbeat row
  uint64_t store_bytes = 0;          // retention of applied transactions
  uint64_t store_hours = 24;
  bool operator==(const Limits&) const = default;
};

// What the user asked for: stored with the project, compared on every start.
struct ProjectSpec {
  std::string source;  // redacted URL or @NAME
  std::string destination;
  ObjectRules rules;
  std::vector<MigrationType> types;
  std::map<std::string, std::string> collations;  // overlay of the translation
  std::vector<std::string> skipped_checks;
  // Whether plain indexes come after the rows; nullopt: those of large tables do.
  std::optional<bool> defer_indexes;
  bool merge = false;
  bool certain = false;  // verification by the sum that is slower and surer
  std::string
      heartbeat_database;  // of the source, where a heartbeat row may be written; empty: none
  std::vector<std::string> replicas;  // URLs whose replication the copy must not delay
  Limits limits;

  bool Has(MigrationType type) const {
    for (MigrationType t : types) {
      if (t == type) return true;
    }
    return false;
  }
  // Of a table whose size is not known, as of one that was copied before.
  bool may_defer_indexes() const { return defer_indexes.value_or(true); }
  bool operator==(const ProjectSpec&) const = default;
};

}  // namespace godwit
